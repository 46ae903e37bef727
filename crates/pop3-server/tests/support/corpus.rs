//! A thousand messages as they lie in real Maildirs, and some that are there to be awkward.

use std::{fs, path::Path};

/// Numbers without rhyme or reason, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.next(256)).unwrap()).collect()
    }
}

const WORDS: [&str; 16] = [
    "the",
    "maildrop",
    "Grüße",
    "octets",
    "of",
    "a",
    "session",
    "żółw",
    "日本",
    "server",
    "and",
    "QUIT",
    "line",
    "dots",
    "Ελλάδα",
    "is",
];

/// The messages, as they are stored.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let mut random = Random(7);
    let mut messages: Vec<Vec<u8>> = (0..988).map(|n| message(n, &mut random)).collect();
    let head = |n: usize| header(n, "Awkward").replace('\n', "\r\n") + "\r\n";
    messages.extend(
        [
            head(1) + ".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
            head(2) + ".",
            head(3) + "no end of line",
            header(4, "LF") + "\nno end of line",
            head(5) + &"x".repeat(998) + "\r\n",
            header(6, "long") + "\n" + &"y".repeat(100_000) + "\nz",
            header(7, "only a header"),
            header(8, "empty lines") + "\n\n\n\n\n",
            format!(".first: a dot\n{}\nbody\n", header(9, "dot")),
            header(10, "mixed") + "\r\nLF\nCRLF\r\nLF\n.\nCRLF.\r\n",
        ]
        .map(String::into_bytes),
    );
    messages.push(
        [header(11, "8 bit").into_bytes(), b"\n\xff\xfe latin1: \xe9\xe8\xe0\n.\xa0\n".to_vec()].concat(),
    );
    // And the empty file.
    messages.push(Vec::new());
    assert_eq!(messages.len(), 1000);
    messages
}

fn header(n: usize, subject: &str) -> String {
    let (minute, second) = (n / 60 % 60, n % 60);
    format!(
        "Return-Path: <sender{n}@example.com>\nReceived: from a.example (a.example [192.0.2.{}])\n\
         \tby mx.example.org with ESMTPS id {n:08x}\n\tfor <alice@example.org>; \
         Mon, 02 Nov 2026 09:{minute:02}:{second:02} +0000\n\
         Date: Mon, 02 Nov 2026 09:{minute:02}:{second:02} +0000\nFrom: Sender {n} <sender{n}@example.com>\n\
         To: alice@example.org\nSubject: {subject} {n}\nMessage-ID: <{n}.{minute}.{second}@example.com>\n\
         MIME-Version: 1.0\n",
        n % 254 + 1
    )
}

fn message(n: usize, random: &mut Random) -> Vec<u8> {
    let text = match n % 4 {
        0 => header(n, "plain") + "Content-Type: text/plain; charset=utf-8\n\n" + &prose(random),
        1 => header(n, "attachment") + &mixed(random),
        2 => header(n, "dots") + "Content-Type: text/plain\n\n" + &dotted(random),
        _ => {
            header(n, "digest")
                + "Content-Type: text/html; charset=utf-8\n\n<pre>\n"
                + &prose(random)
                + "</pre>\n"
        }
    };
    // Some servers store CRLF.
    if n.is_multiple_of(5) { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
}

fn prose(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.next(40) {
        for _ in 0..random.next(14) {
            text += WORDS[random.next(WORDS.len())];
            text.push(' ');
        }
        text = text.trim_end_matches(' ').to_owned() + "\n";
    }
    text
}

fn dotted(random: &mut Random) -> String {
    (0..random.next(30)).map(|_| ".".repeat(random.next(4)) + WORDS[random.next(16)] + "\n.\n").collect()
}

fn mixed(random: &mut Random) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let count = random.next(6000);
    let encoded = STANDARD.encode(random.octets(count));
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "Content-Type: multipart/mixed; boundary=\"=_x.1\"\n\nA preamble.\n\n--=_x.1\nContent-Type: text/plain; \
         charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}\n--=_x.1\nContent-Type: application/octet-stream\n\
         Content-Disposition: attachment; filename=\"data.bin\"\nContent-Transfer-Encoding: base64\n\n{}\n\n\
         --=_x.1--\n",
        prose(random),
        lines.join("\n")
    )
}

/// Puts them into a Maildir, in order.
pub(crate) fn store(maildir: &Path, messages: &[Vec<u8>]) {
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    for (n, message) in messages.iter().enumerate() {
        let (folder, flags) = if n.is_multiple_of(3) { ("new", "") } else { ("cur", ":2,S") };
        let name = format!("{}.M{n}P1.host{flags}", 1_700_000_000 + n);
        fs::write(maildir.join(folder).join(name), message).unwrap();
    }
}
