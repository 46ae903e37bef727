//! CRLF as the wire has it, and LF as Maildirs have it.

use std::io::{self, Write};

use memchr::memmem;

/// Passes octets on, each CRLF as LF; everything else, bare CR and bare LF among it, stays as it is.
#[derive(Debug)]
pub(super) struct LfWriter<W> {
    inner: W,
    /// A CR at the end of the last piece: content, or half of a line end.
    is_after_cr: bool,
}

impl<W: Write> LfWriter<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self { inner, is_after_cr: false }
    }

    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let Some((last, body)) = piece.split_last() else { return Ok(()) };
        if self.is_after_cr && piece.first() != Some(&b'\n') {
            self.inner.write_all(b"\r")?;
        }
        self.is_after_cr = *last == b'\r';
        let mut rest = if self.is_after_cr { body } else { piece };
        while let Some(at) = memmem::find(rest, b"\r\n") {
            let (line, after) = rest.split_at(at);
            self.inner.write_all(line)?;
            rest = after.get(1..).unwrap_or_default();
        }
        self.inner.write_all(rest)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        if self.is_after_cr {
            self.inner.write_all(b"\r")?;
        }
        Ok(self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(octets: &[u8], cut: usize) -> Vec<u8> {
        let mut writer = LfWriter::new(Vec::new());
        octets.chunks(cut).for_each(|piece| writer.take(piece).unwrap());
        writer.finish().unwrap()
    }

    // Conformance: C-REL-08
    #[test]
    fn line_ends_become_lf_and_everything_else_stays() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"\r\n\r\n", b"\n\n"),
            (b"bare\rcr \r\r\n", b"bare\rcr \r\n"),
            (b"bare\nlf\r\n", b"bare\nlf\n"),
            (b"no end\r", b"no end\r"),
            (b"\n\r\n\r", b"\n\n\r"),
            (b"", b""),
        ];
        for (wire, stored) in cases {
            for cut in 1..=wire.len().max(1) {
                assert_eq!(
                    convert(wire, cut),
                    stored,
                    "{:?} in pieces of {cut}",
                    wire.escape_ascii().to_string()
                );
            }
        }
    }
}
