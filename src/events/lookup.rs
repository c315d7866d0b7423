//! Which of the wanted keys a key of a record is, if it is one: the inner loop of extraction.

/// Where a key may stand: a hash without collisions between the wanted keys, found by trying
/// multipliers. Most keys of a record are not wanted; they cost one multiplication.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    multiplier: u64,
    shift: u32,
    /// (Fingerprint, position of the child).
    slots: Vec<(Fingerprint, usize)>,
}

/// No child stands here.
pub(super) const VACANT: usize = usize::MAX;

impl Lookup {
    pub(super) fn new(prints: &[Fingerprint]) -> Self {
        let least = (prints.len() * 2).next_power_of_two().trailing_zeros().max(1);
        let mut sizes =
            (least..least + 4).flat_map(|bits| (0..64).map(move |attempt| (bits, attempt)));
        sizes.find_map(|(bits, attempt)| Self::with(prints, bits, attempt)).unwrap_or_default()
    }

    /// The table of 2^`bits` slots, unless two keys collide in it.
    fn with(prints: &[Fingerprint], bits: u32, attempt: u64) -> Option<Self> {
        // Odd multiples of the golden ratio's fraction spread well.
        let multiplier = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * attempt + 1);
        let mut lookup = Self {
            multiplier,
            shift: 64 - bits,
            slots: vec![(Fingerprint::default(), VACANT); 1 << bits],
        };
        for (child, print) in prints.iter().enumerate() {
            let at = lookup.slot(*print);
            let slot = lookup.slots.get_mut(at).filter(|slot| slot.1 == VACANT)?;
            *slot = (*print, child);
        }
        Some(lookup)
    }

    fn slot(&self, print: Fingerprint) -> usize {
        // The shift leaves at most as many bits as the table has slots for.
        usize::try_from(print.mixed().wrapping_mul(self.multiplier) >> self.shift).unwrap_or(VACANT)
    }

    /// The only child that a key of this fingerprint can be, [`VACANT`] if it can be none; `None`
    /// if there is no table and every child must be looked at.
    pub(super) fn find(&self, print: Fingerprint) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let found = self.slots.get(self.slot(print)).filter(|(other, _)| *other == print);
        Some(found.map_or(VACANT, |(_, child)| *child))
    }
}

/// The first and last bytes of a key and its length: the whole key, if it has at most 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fingerprint {
    first: u64,
    last: u64,
    length: usize,
}

impl Fingerprint {
    pub(super) fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
                }
                _ => (bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 0),
            },
        };
        Self { first, last, length: bytes.len() }
    }

    pub(super) fn is_whole(self) -> bool {
        self.length <= 16
    }

    fn mixed(self) -> u64 {
        self.first ^ self.last.rotate_left(32) ^ (self.length as u64).rotate_right(8)
    }
}
