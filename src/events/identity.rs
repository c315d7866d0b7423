//! What identifies an event among the copies of it.

use crate::digest::Identity;

/// An event in one account's trail: the recipient account and the `eventID`, in 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey([u8; 24]);

impl EventKey {
    /// The key of the event `event_id` of `account`. Event ids are UUIDs; others are hashed.
    #[must_use]
    pub fn of(account: Option<&str>, event_id: &str) -> Self {
        let number = account.filter(|account| account.len() == 12).and_then(|a| a.parse().ok());
        let account = number.unwrap_or_else(|| {
            let hash = u128::from_be_bytes(Identity::default().part(account).finish());
            // Never one of the numbers, which have twelve digits.
            u64::try_from(hash >> 64).unwrap_or(0) | (1 << 63)
        });
        let id =
            uuid(event_id).unwrap_or_else(|| Identity::default().part(Some(event_id)).finish());
        let mut key = [0; 24];
        key.iter_mut()
            .zip(account.to_be_bytes().into_iter().chain(id))
            .for_each(|(to, from)| *to = from);
        Self(key)
    }

    /// The key of a record without an `eventID` (version 1.0): where it stands.
    #[must_use]
    pub fn of_place(object: &str, record: u64) -> Self {
        Self::of(Some(object), &format!("record {record}"))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Where each byte of a UUID stands, as two digits.
const BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The bytes of `8-4-4-4-12` lower-case hexadecimal digits.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let digit = |at: usize| match *text.get(at)? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if [8, 13, 18, 23].iter().any(|at| text.get(*at) != Some(&b'-')) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, at) in id.iter_mut().zip(BYTES) {
        *byte = digit(at)? << 4 | digit(at + 1)?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_account_and_id() {
        let id = "1d2f3a4b-0000-4000-8000-00000000cafe";
        let keys = [
            EventKey::of(Some("111122223333"), id),
            EventKey::of(Some("444455556666"), id),
            EventKey::of(None, id),
            EventKey::of(Some(""), id),
            EventKey::of(Some("anonymous"), id),
            EventKey::of(Some("111122223333"), "1D2F3A4B-0000-4000-8000-00000000CAFE"),
            EventKey::of(Some("111122223333"), "1d2f3a4b00004000800000000000cafe"),
            EventKey::of(Some("111122223333"), "1d2f3a4b000040008000-0000-0000-cafe0"),
            EventKey::of(Some("111122223333"), "x"),
            EventKey::of_place("a.json", 0),
            EventKey::of_place("a.json", 1),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| other != key), "{at}");
        }
        let id = 0x1d2f_3a4b_0000_4000_8000_0000_0000_cafe_u128.to_be_bytes();
        assert!(keys[0].as_bytes().ends_with(&id));
    }
}
