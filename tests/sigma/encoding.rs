//! Encodings by the book, apart from both engines.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sextet = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
            out.push(if at <= u32::try_from(chunk.len()).unwrap() {
                char::from(ALPHABET[sextet])
            } else {
                '='
            });
        }
    }
    out
}

/// What is common to every base64 text that has `bytes` in it after `offset` other bytes.
pub fn base64_at(bytes: &[u8], offset: usize) -> String {
    let encoded = base64(&[vec![0; offset], bytes.to_vec()].concat());
    let start = [0, 2, 3][offset];
    let cut = [0, 3, 2][(bytes.len() + offset) % 3];
    encoded[start..encoded.len() - cut].to_owned()
}

pub fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub fn utf16be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn base64_is_that_of_the_standard() {
    let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
    for (text, expected) in cases {
        assert_eq!(base64(text.as_bytes()), expected);
    }
    assert_eq!(base64_at(b"/bin/bash", 1), "9iaW4vYmFza");
}
