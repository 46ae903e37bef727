//! Mail that finds mistakes: a thousand messages as Maildirs hold them, and what is no ordinary mail.

/// Message `index` of the corpus, as it is stored: most with LF line ends.
pub(crate) fn message(index: usize) -> Vec<u8> {
    let mut header = format!(
        "Return-Path: <ada@example.org>\nReceived: from mx.example.org by mail.example.org; Mon, 23 Nov 2026 10:{:02}:{:02} +0000\n\
         From: Ada <ada@example.org>\nTo: mrose@example.org\nSubject: corpus {index}\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <corpus.{index}@example.org>\n",
        index / 60 % 60,
        index % 60,
    )
    .into_bytes();
    match index % 12 {
        0 => plain(&mut header, "A short message.\n"),
        1 => multipart(&mut header, index),
        2 => eight_bit(&mut header, "iso-8859-1", b"Gr\xfc\xdfe aus K\xf6ln, na\xefve caf\xe9\n"),
        3 => eight_bit(&mut header, "utf-8", "Gr\u{fc}\u{df}e, \u{4f60}\u{597d}, \u{1f600}\n".as_bytes()),
        4 => plain(&mut header, ".\n..\n...\n.hidden\n \n.\nlast\n.\n"),
        5 => plain(&mut header, "This message has no final newline."),
        6 => plain(&mut header, &format!("{}\n", "long ".repeat(400 + index))),
        7 => plain(&mut header, "From the start of a line, and\n>From a quoted one\n"),
        8 => {
            // CRLF throughout, as some delivery agents store it.
            plain(&mut header, "Line one\n.Line two\n\nLine four\n");
            header = replace(&header, b"\n", b"\r\n");
        }
        9 => plain(&mut header, "\n\n\nEmpty lines around\n\n\n"),
        10 => plain(&mut header, &"An ordinary line of an ordinary message, repeated.\n".repeat(60)),
        _ => {
            header.extend_from_slice(b"X-Folded: one\n two\n\tthree\n");
            plain(&mut header, "Folded header.\nEnds with a dot line\n.");
        }
    }
    if index % 12 == 11 {
        // A dot as the first octet of a message that is good mail all the same.
        header.splice(..0, b".X-First: dot\n".iter().copied());
    }
    header
}

fn plain(header: &mut Vec<u8>, body: &str) {
    header.extend_from_slice(b"\n");
    header.extend_from_slice(body.as_bytes());
}

fn eight_bit(header: &mut Vec<u8>, charset: &str, body: &[u8]) {
    let fields = format!(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    );
    header.extend_from_slice(fields.as_bytes());
    header.extend_from_slice(body);
}

fn multipart(header: &mut Vec<u8>, index: usize) {
    header.extend_from_slice(b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=_b\"\n\n");
    header.extend_from_slice(
        b"--=_b\nContent-Type: text/plain; charset=utf-8\n\nSee the attachment.\n\n--=_b\n",
    );
    header.extend_from_slice(
        b"Content-Type: application/octet-stream; name=\"data.bin\"\nContent-Transfer-Encoding: base64\n\n",
    );
    for line in 0..40 + index % 50 {
        let text: String = (0..76)
            .map(|at| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[(at * 7 + line * 3 + index) % 32]))
            .collect();
        header.extend_from_slice(text.as_bytes());
        header.push(b'\n');
    }
    header.extend_from_slice(b"--=_b--\n");
}

/// What is stored although it is no mail that any program would write; only for peers that take any octets.
pub(crate) fn oddities() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b".".to_vec(),
        b".\n".to_vec(),
        b".first line begins with a dot\nSubject: x\n\nbody\n".to_vec(),
        b"Subject: header only\n".to_vec(),
        b"Subject: mixed\r\n\nlf\ncrlf\r\ncr\rin line\n".to_vec(),
        b"Subject: nul\n\na\0b\n".to_vec(),
        [b"Subject: very long\n\n".as_slice(), &vec![b'x'; 200_000], b"\n"].concat(),
    ]
}

/// As RETR sends it, without byte-stuffing: every line end CRLF, the last line ended.
pub(crate) fn on_the_wire(stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(stored.len() + stored.len() / 32);
    let mut before = 0;
    for &octet in stored {
        if octet == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        before = octet;
    }
    if !out.is_empty() && before != b'\n' {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// With LF line ends: what programs that write files on Unix make of it.
pub(crate) fn with_lf(octets: &[u8]) -> Vec<u8> {
    replace(octets, b"\r\n", b"\n")
}

fn replace(octets: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(what) {
            out.extend_from_slice(by);
            rest = after;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}
