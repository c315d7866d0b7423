//! The trie of wanted paths. Each record is walked once; at every object only the keys that lead
//! somewhere are followed. Leaves are either *slots* (the fixed inputs of the core columns) or
//! *paths* (columns that the loaded rules ask for; 0…n values per record).

use std::borrow::Cow;

use simd_json::tape::Value;

use super::acl::ACL_GRANTS;
use super::value;

/// The fixed inputs of the core columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is named after its path in SLOTS")]
pub(super) enum Slot {
    EventTime,
    EventId,
    EventSource,
    EventName,
    AwsRegion,
    RecipientAccount,
    WindowStart,
    EventCategory,
    ManagementEvent,
    EventType,
    ReadOnly,
    SourceIp,
    UserAgent,
    ErrorCode,
    SharedEventId,
    VpcEndpoint,
    IdentityType,
    IdentityArn,
    IdentityPrincipalId,
    IdentityAccount,
    IdentityAccessKey,
    IdentityUserName,
    IdentityInvokedBy,
    IdentityOnBehalfOf,
    IssuerArn,
    IssuerAccount,
    Mfa,
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    UserIdentity,
    BucketName,
    Key,
    VersionId,
    Host,
    Resources,
    BytesIn,
    BytesOut,
    AuthMethod,
    SignatureVersion,
    EncryptionApplied,
    TlsVersion,
    CannedAcl,
    AclBody,
    AclHeaders,
    GrantRead,
    GrantWrite,
    GrantReadAcp,
    GrantWriteAcp,
    GrantFullControl,
    AggregatedAccount,
}

/// How many slots there are.
pub(super) const SLOT_COUNT: usize = Slot::AggregatedAccount as usize + 1;

/// Where each slot is found. Spellings vary between services (`Host`/`host`, `Key`/`key`).
const SLOTS: &[(&str, Slot)] = &[
    ("eventTime", Slot::EventTime),
    ("eventID", Slot::EventId),
    ("eventId", Slot::EventId),
    ("eventSource", Slot::EventSource),
    ("eventName", Slot::EventName),
    ("awsRegion", Slot::AwsRegion),
    ("recipientAccountId", Slot::RecipientAccount),
    // Aggregated events have no recipient and no time.
    ("accountId", Slot::AggregatedAccount),
    ("timeWindow.windowStart", Slot::WindowStart),
    ("eventCategory", Slot::EventCategory),
    ("managementEvent", Slot::ManagementEvent),
    ("eventType", Slot::EventType),
    ("readOnly", Slot::ReadOnly),
    ("sourceIPAddress", Slot::SourceIp),
    ("userAgent", Slot::UserAgent),
    ("errorCode", Slot::ErrorCode),
    ("sharedEventID", Slot::SharedEventId),
    ("vpcEndpointId", Slot::VpcEndpoint),
    ("userIdentity.type", Slot::IdentityType),
    ("userIdentity.arn", Slot::IdentityArn),
    ("userIdentity.principalId", Slot::IdentityPrincipalId),
    ("userIdentity.accountId", Slot::IdentityAccount),
    ("userIdentity.accessKeyId", Slot::IdentityAccessKey),
    ("userIdentity.userName", Slot::IdentityUserName),
    ("userIdentity.invokedBy", Slot::IdentityInvokedBy),
    ("userIdentity.onBehalfOf.userId", Slot::IdentityOnBehalfOf),
    ("userIdentity.sessionContext.sessionIssuer.arn", Slot::IssuerArn),
    ("userIdentity.sessionContext.sessionIssuer.accountId", Slot::IssuerAccount),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", Slot::Mfa),
    ("userIdentity", Slot::UserIdentity),
    ("requestParameters", Slot::RequestParameters),
    ("responseElements", Slot::ResponseElements),
    ("additionalEventData", Slot::AdditionalEventData),
    ("requestParameters.bucketName", Slot::BucketName),
    ("requestParameters.key", Slot::Key),
    ("requestParameters.Key", Slot::Key),
    ("requestParameters.versionId", Slot::VersionId),
    ("requestParameters.Host", Slot::Host),
    ("requestParameters.host", Slot::Host),
    ("resources", Slot::Resources),
    ("additionalEventData.bytesTransferredIn", Slot::BytesIn),
    ("additionalEventData.bytesTransferredOut", Slot::BytesOut),
    ("additionalEventData.AuthenticationMethod", Slot::AuthMethod),
    ("additionalEventData.SignatureVersion", Slot::SignatureVersion),
    ("additionalEventData.SSEApplied", Slot::EncryptionApplied),
    ("tlsDetails.tlsVersion", Slot::TlsVersion),
    ("requestParameters.x-amz-acl", Slot::CannedAcl),
    ("requestParameters.X-Amz-Acl", Slot::CannedAcl),
    ("requestParameters.AccessControlPolicy", Slot::AclBody),
    ("requestParameters.accessControlList", Slot::AclHeaders),
    ("requestParameters.x-amz-grant-read", Slot::GrantRead),
    ("requestParameters.x-amz-grant-write", Slot::GrantWrite),
    ("requestParameters.x-amz-grant-read-acp", Slot::GrantReadAcp),
    ("requestParameters.x-amz-grant-write-acp", Slot::GrantWriteAcp),
    ("requestParameters.x-amz-grant-full-control", Slot::GrantFullControl),
];

/// The slots of one record.
#[derive(Debug)]
pub(super) struct Slots<'t, 'i>([Option<Value<'t, 'i>>; SLOT_COUNT]);

impl<'t, 'i> Slots<'t, 'i> {
    /// No slot is filled.
    pub(super) fn new() -> Self {
        Self([None; SLOT_COUNT])
    }

    /// The raw value of a slot.
    pub(super) fn value(&self, slot: Slot) -> Option<Value<'t, 'i>> {
        self.0.get(slot as usize).copied().flatten()
    }

    /// The slot's string.
    pub(super) fn string(&self, slot: Slot) -> Option<&'i str> {
        self.value(slot).and_then(value::string)
    }

    /// The values of the slots that tell copies of an event from other events. States keep digests
    /// of them, so slots of later versions stand behind and are left out.
    pub(super) fn identifying(&self) -> impl Iterator<Item = Option<Value<'t, 'i>>> {
        self.0.iter().take(Slot::GrantFullControl as usize + 1).copied()
    }

    /// The slot's string, number or boolean as text.
    pub(super) fn text(&self, slot: Slot) -> Option<Cow<'i, str>> {
        self.value(slot).and_then(value::text)
    }

    /// The account whose trail got the record.
    pub(super) fn account(&self) -> Option<Cow<'i, str>> {
        self.text(Slot::RecipientAccount).or_else(|| self.text(Slot::AggregatedAccount))
    }

    /// The slot's string, unless it is empty.
    pub(super) fn non_empty(&self, slot: Slot) -> Option<&'i str> {
        self.string(slot).filter(|text| !text.is_empty())
    }

    fn set(&mut self, slot: Slot, found: Value<'t, 'i>) {
        if let Some(place) = self.0.get_mut(slot as usize) {
            *place = Some(found);
        }
    }
}

/// Takes the values of rule paths.
pub(super) trait PathSink {
    /// One more value of path column `path` for the record at hand.
    fn path_value(&mut self, path: usize, text: &str);
}

/// A node of the trie.
#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, Node)>,
    lookup: Lookup,
    slot: Option<Slot>,
    paths: Vec<usize>,
    /// Keys wanted at any depth below (`**`), in lower case.
    anywhere: Vec<(Box<str>, usize)>,
}

impl Node {
    fn child(&self, key: &str) -> Option<&Self> {
        let print = Fingerprint::of(key);
        let Some(found) = self.lookup.find(print) else {
            return self.children.iter().find(|(name, _)| **name == *key).map(|(_, node)| node);
        };
        let (name, node) = self.children.get(found)?;
        (print.is_whole() || **name == *key).then_some(node)
    }

    fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        let known = self.children.iter().position(|(name, _)| **name == *key);
        let at = known.unwrap_or_else(|| {
            self.children.push((key.into(), Self::default()));
            self.children.len() - 1
        });
        self.children.get_mut(at).map(|(_, node)| node)
    }

    /// Builds the look-ups of the finished trie.
    fn index(&mut self) {
        let prints: Vec<Fingerprint> =
            self.children.iter().map(|(name, _)| Fingerprint::of(name)).collect();
        self.lookup = Lookup::new(&prints);
        self.children.iter_mut().for_each(|(_, node)| node.index());
    }
}

/// Where a key may stand: a hash without collisions between the wanted keys, found by trying
/// multipliers. Most keys of a record are not wanted; they cost one multiplication.
#[derive(Debug, Default)]
struct Lookup {
    multiplier: u64,
    shift: u32,
    /// (Fingerprint, position of the child).
    slots: Vec<(Fingerprint, usize)>,
}

/// No child stands here.
const VACANT: usize = usize::MAX;

impl Lookup {
    fn new(prints: &[Fingerprint]) -> Self {
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
    fn find(&self, print: Fingerprint) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let found = self.slots.get(self.slot(print)).filter(|(other, _)| *other == print);
        Some(found.map_or(VACANT, |(_, child)| *child))
    }
}

/// The first and last bytes of a key and its length: the whole key, if it has at most 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint {
    first: u64,
    last: u64,
    length: usize,
}

impl Fingerprint {
    fn of(key: &str) -> Self {
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

    fn is_whole(self) -> bool {
        self.length <= 16
    }

    fn mixed(self) -> u64 {
        self.first ^ self.last.rotate_left(32) ^ (self.length as u64).rotate_right(8)
    }
}

/// The compiled union of all wanted paths.
#[derive(Debug)]
pub(super) struct Trie {
    root: Node,
}

impl Trie {
    /// Compiles the core slots and `paths` (dotted; `**.key` as the last two parts means `key` at
    /// any depth below, in any case). Path `n` of the slice is reported as number `n`.
    pub(super) fn new(paths: &[String]) -> Self {
        let mut root = Node::default();
        for (path, slot) in SLOTS {
            if let Some(node) = descend(&mut root, path) {
                node.slot = Some(*slot);
            }
        }
        // Grants are worked out from slots, not copied from a path.
        for (number, path) in paths.iter().enumerate().filter(|(_, path)| *path != ACL_GRANTS) {
            match split_anywhere(path) {
                Some((parent, key)) => {
                    if let Some(node) = descend(&mut root, parent) {
                        node.anywhere.push((key.to_lowercase().into(), number));
                    }
                }
                None => {
                    if let Some(node) = descend(&mut root, path) {
                        node.paths.push(number);
                    }
                }
            }
        }
        root.index();
        Self { root }
    }

    /// Walks one record: fills the slots and reports the values of the rule paths.
    pub(super) fn walk<'t, 'i>(
        &self,
        record: Value<'t, 'i>,
        slots: &mut Slots<'t, 'i>,
        paths: &mut impl PathSink,
    ) {
        walk_node(&self.root, record, slots, paths);
    }
}

/// `a.b.**.key` → (`a.b`, `key`); `**.key` → (``, `key`).
fn split_anywhere(path: &str) -> Option<(&str, &str)> {
    let (parent, key) = path.rsplit_once("**.")?;
    Some((parent.strip_suffix('.').unwrap_or(parent), key))
}

fn descend<'n>(root: &'n mut Node, path: &str) -> Option<&'n mut Node> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(root, Node::child_mut)
}

fn walk_node<'t, 'i>(
    node: &Node,
    value: Value<'t, 'i>,
    slots: &mut Slots<'t, 'i>,
    paths: &mut impl PathSink,
) {
    if let Some(object) = value.as_object() {
        for (key, inner) in &object {
            if let Some(child) = node.child(key) {
                visit(child, inner, slots, paths);
            }
        }
        for (key, path) in &node.anywhere {
            walk_anywhere(key, *path, value, paths);
        }
    } else if let Some(array) = value.as_array() {
        for inner in &array {
            walk_node(node, inner, slots, paths);
        }
    }
}

fn visit<'t, 'i>(
    node: &Node,
    value: Value<'t, 'i>,
    slots: &mut Slots<'t, 'i>,
    paths: &mut impl PathSink,
) {
    if let Some(slot) = node.slot {
        slots.set(slot, value);
    }
    for path in &node.paths {
        report(*path, value, paths);
    }
    if !(node.children.is_empty() && node.anywhere.is_empty()) {
        walk_node(node, value, slots, paths);
    }
}

/// Reports the scalars of a leaf; a list gives each of its elements.
fn report(path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if let Some(array) = value.as_array() {
        for inner in &array {
            report(path, inner, paths);
        }
    } else if let Some(text) = value::text(value) {
        paths.path_value(path, &text);
    }
}

/// Reports every value under `key` at any depth. The depth is bounded by the decoder's limit.
fn walk_anywhere(key: &str, path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if let Some(object) = value.as_object() {
        for (name, inner) in &object {
            if name.eq_ignore_ascii_case(key) {
                report(path, inner, paths);
            }
            walk_anywhere(key, path, inner, paths);
        }
    } else if let Some(array) = value.as_array() {
        for inner in &array {
            walk_anywhere(key, path, inner, paths);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Found(Vec<(usize, String)>);

    impl PathSink for Found {
        fn path_value(&mut self, path: usize, text: &str) {
            self.0.push((path, text.to_owned()));
        }
    }

    fn walk(json: &str, paths: &[&str]) -> (Option<String>, Vec<(usize, String)>) {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let trie = Trie::new(&paths);
        let mut bytes = json.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut slots = Slots::new();
        let mut found = Found::default();
        trie.walk(tape.as_value(), &mut slots, &mut found);
        (slots.string(Slot::BucketName).map(str::to_owned), found.0)
    }

    #[test]
    fn slots_and_paths_are_found_in_one_walk() {
        let json = r#"{"requestParameters":{"bucketName":"b","x":{"y":"z"}},"other":1}"#;
        let (bucket, found) = walk(json, &["requestParameters.x.y", "other", "missing.path"]);
        assert_eq!(bucket.as_deref(), Some("b"));
        assert_eq!(found, [(0, "z".into()), (1, "1".into())]);
    }

    #[test]
    fn a_path_through_lists_gives_every_element() {
        let json = r#"{"a":[{"b":"1"},{"b":["2",3]},{"c":4}]}"#;
        let (_, found) = walk(json, &["a.b"]);
        assert_eq!(found, [(0, "1".into()), (0, "2".into()), (0, "3".into())]);
    }

    #[test]
    fn keys_that_look_alike_are_told_apart() {
        let keys = ["abcdefgh-1-abcdefgh", "abcdefgh-2-abcdefgh", "a", "b", "", "abcd", "abcdefg"];
        for wanted in keys.iter().filter(|key| !key.is_empty()) {
            let pairs: Vec<String> = keys.iter().map(|key| format!("{key:?}:{key:?}")).collect();
            let json = format!("{{\"top\":{{{}}}}}", pairs.join(","));
            let (_, found) = walk(&json, &[&format!("top.{wanted}"), "top.abcdefgh-2-abcdefgh"]);
            assert!(found.contains(&(0, (*wanted).to_owned())), "{wanted}: {found:?}");
            assert!(found.contains(&(1, keys[1].to_owned())), "{wanted}: {found:?}");
            assert_eq!(found.len(), 2);
        }
    }

    #[test]
    fn anywhere_ignores_depth_and_case() {
        let json = r#"{"r":{"URI":"top","x":[{"uri":"deep"}]},"uri":"outside"}"#;
        let (_, found) = walk(json, &["r.**.Uri"]);
        assert_eq!(found, [(0, "top".into()), (0, "deep".into())]);
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_in_a_slot() {
        let json = r#"{"requestParameters":{"bucketName":"a","bucketName":"b"}}"#;
        assert_eq!(walk(json, &[]).0.as_deref(), Some("b"));
    }
}
