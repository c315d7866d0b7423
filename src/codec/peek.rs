//! A reader whose next bytes can be looked at without taking them.

use std::io::{self, BufRead, Read};

/// Bytes asked of the reader below at a time.
const CHUNK: usize = 256 << 10;

/// Buffers a reader so that a format can be told by its first bytes.
#[derive(Debug)]
pub struct Peek<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    /// What the reader below complained about; told once the buffer is used up.
    failed: Option<io::Error>,
    ended: bool,
}

impl<R: Read> Peek<R> {
    /// Nothing is read yet.
    pub fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, failed: None, ended: false }
    }

    /// The next bytes: at least `count`, unless the data end before.
    pub fn peek(&mut self, count: usize) -> &[u8] {
        while self.rest().len() < count && !self.ended {
            self.more();
        }
        self.rest()
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn more(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        let known = self.buffer.len();
        self.buffer.resize(known + CHUNK, 0);
        let room = self.buffer.get_mut(known..).unwrap_or_default();
        let read = loop {
            match self.inner.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let count = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(known + count);
        self.ended = count == 0;
        self.failed = read.err();
    }
}

impl<R: Read> BufRead for Peek<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.peek(1).is_empty()
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.buffer.len());
    }
}

impl<R: Read> Read for Peek<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, then fails.
    struct Drip(u8);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0 == 5 {
                return Err(io::Error::other("unplugged"));
            }
            out[0] = self.0;
            self.0 += 1;
            Ok(1)
        }
    }

    #[test]
    fn what_was_peeked_is_read_and_a_failure_comes_after_the_bytes_before_it() {
        let mut peek = Peek::new(Drip(0));
        assert_eq!(peek.peek(3), [0, 1, 2]);
        assert_eq!(peek.peek(9), [0, 1, 2, 3, 4]);
        let mut bytes = Vec::new();
        assert_eq!(peek.read_to_end(&mut bytes).unwrap_err().to_string(), "unplugged");
        assert_eq!(bytes, [0, 1, 2, 3, 4]);
        assert_eq!(peek.read_to_end(&mut bytes).unwrap(), 0);
    }
}
