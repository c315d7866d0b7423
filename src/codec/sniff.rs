//! What bytes are, by their first bytes: names are never trusted.

use super::Codec;

/// How many bytes from its start on must be known of an object: a tar header.
pub const HEAD_BYTES: usize = 512;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Compressed.
    Packed(Codec),
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// Apache Parquet.
    Parquet,
    /// A format that is known, but not read: its name.
    Unread(&'static str),
    /// Anything else: text, as far as one can tell.
    Text,
}

/// Signatures at the very start.
const SIGNATURES: &[(&[u8], Content)] = &[
    (b"\x1f\x8b", Content::Packed(Codec::Gzip)),
    (b"\x28\xb5\x2f\xfd", Content::Packed(Codec::Zstd)),
    (b"PK\x03\x04", Content::Zip),
    (b"PK\x05\x06", Content::Zip),
    (b"PAR1", Content::Parquet),
    (b"\xfd7zXZ\0", Content::Unread("xz")),
    (b"7z\xbc\xaf\x27\x1c", Content::Unread("7z")),
    (b"Rar!\x1a\x07", Content::Unread("rar")),
    (b"\x04\x22\x4d\x18", Content::Unread("lz4")),
    (b"Obj\x01", Content::Unread("Avro")),
];

/// What an object is that starts with `head`: [`HEAD_BYTES`], or all of it.
#[must_use]
pub fn sniff(head: &[u8]) -> Content {
    if let Some((_, content)) = SIGNATURES.iter().find(|(start, _)| head.starts_with(start)) {
        return *content;
    }
    if is_bzip2(head) {
        Content::Packed(Codec::Bzip2)
    } else if is_zstd_skippable(head) {
        Content::Packed(Codec::Zstd)
    } else if matches!(head, [b'O', b'R', b'C', 0..=8 | 0x0e..=0x1f | 0x80.., ..]) {
        // A text may begin so, too.
        Content::Unread("ORC")
    } else if is_tar(head) {
        Content::Tar
    } else {
        Content::Text
    }
}

/// `BZh`, the block size, and the number of a block (or of the end of an empty stream).
fn is_bzip2(head: &[u8]) -> bool {
    matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
        if rest.starts_with(b"\x31\x41\x59\x26\x53\x59") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90"))
}

/// A zstd file may start with a frame of metadata.
fn is_zstd_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A tar header (of any dialect) sums up to its checksum, counted with spaces in the checksum's
/// place.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..HEAD_BYTES) else { return false };
    let Some(field) = header.get(148..156) else { return false };
    let octal = field.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next();
    let said = octal.and_then(|digits| std::str::from_utf8(digits).ok());
    let said = said.and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let all: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = field.iter().map(|byte| u32::from(*byte)).sum();
    header.first().is_some_and(|byte| *byte != 0) && said == Some(all - own + 8 * 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let cases: &[(&[u8], Content)] = &[
            (b"\x1f\x8b\x08", Content::Packed(Codec::Gzip)),
            (b"\x28\xb5\x2f\xfd\x04", Content::Packed(Codec::Zstd)),
            (b"\x53\x2a\x4d\x18\x04", Content::Packed(Codec::Zstd)),
            (b"BZh91AY&SY\x00", Content::Packed(Codec::Bzip2)),
            (b"BZh9 is a text", Content::Text),
            (b"PK\x03\x04", Content::Zip),
            (b"PAR1", Content::Parquet),
            (b"7z\xbc\xaf\x27\x1c", Content::Unread("7z")),
            (b"ORC\x0a\x03", Content::Text),
            (b"ORC\x1d\x00", Content::Unread("ORC")),
            (b"{\"Records\":[", Content::Text),
            (b"", Content::Text),
            (&[0; HEAD_BYTES], Content::Text),
        ];
        for (head, content) in cases {
            assert_eq!(sniff(head), *content, "{head:?}");
        }
    }

    #[test]
    fn a_tar_is_told_by_its_checksum() {
        let mut header = tar::Header::new_old();
        header.set_path("a/b.json").unwrap();
        header.set_size(7);
        header.set_cksum();
        assert_eq!(sniff(header.as_bytes()), Content::Tar);
        let mut other = *header.as_bytes();
        other[0] ^= 1;
        assert_eq!(sniff(&other), Content::Text);
        assert_eq!(sniff(&header.as_bytes()[..500]), Content::Text);
    }
}
