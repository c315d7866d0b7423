//! Lists of addresses as their publishers write them: an address or a network per line, among other
//! things. Formats: `docs/intel.md`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::source::Unreadable;

/// The longest line that is looked at, bytes.
const MAX_LINE: usize = 4_096;

/// The longest label.
const MAX_LABEL: usize = 64;

/// What begins lines of Tor's exit lists that hold no address
/// (<https://metrics.torproject.org/collector.html#type-tordnsel>).
const TOR_KEYWORDS: &[&str] = &["ExitNode", "Published", "LastStatus"];

/// What a threat list is called in rules and findings: lower-case letters, digits, `.`, `_`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(Arc<str>);

impl Label {
    /// The label that `text` comes to: other characters become `_`. `None` if nothing is left.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let fit = |c: char| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '.' | '_' | '-') => c,
            _ => '_',
        };
        let label: String = text.trim().chars().take(MAX_LABEL).map(fit).collect();
        label.contains(|c: char| c.is_ascii_alphanumeric()).then(|| Self(label.into()))
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

/// A list, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Networks, with the label of their line if the list has a column of labels.
    pub entries: Vec<(IpNet, Option<Label>)>,
    /// Lines that could not be read.
    pub unreadable: Unreadable,
}

/// The fields of a list's head.
#[derive(Debug, Default)]
struct Head {
    /// The column with labels.
    label: Option<usize>,
}

impl Head {
    /// The head that these fields are: one of them names addresses.
    fn of(fields: &[&str]) -> Option<Self> {
        let names_addresses = |field: &&str| {
            let words = ["ip", "addr", "cidr", "network", "prefix"];
            words.iter().any(|word| field.to_ascii_lowercase().contains(word))
        };
        fields.iter().any(names_addresses).then(|| Self {
            label: fields.iter().position(|field| field.eq_ignore_ascii_case("label")),
        })
    }
}

/// Reads a list. The address of a line is the first of its fields that is one; fields stand between
/// commas, else between blanks. `#` and `;` begin comments.
#[must_use]
pub fn parse_list(bytes: &[u8]) -> List {
    let mut list = List::default();
    let mut head = None;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = match content(line) {
            Ok("") => continue,
            Ok(text) => text,
            Err(why) => {
                list.unreadable.note(number, line, why);
                continue;
            }
        };
        let fields = fields(text);
        let Some(network) = fields.iter().find_map(|field| network(field)) else {
            // A head stands before all entries.
            match Head::of(&fields).filter(|_| head.is_none() && list.entries.is_empty()) {
                None => list.unreadable.note(number, line, "no address"),
                found => head = found,
            }
            continue;
        };
        let column = head.as_ref().and_then(|head: &Head| head.label);
        let label = column.and_then(|column| fields.get(column)).and_then(|text| Label::of(text));
        list.entries.push((network, label));
    }
    list
}

/// What a line says: nothing if it is empty or a comment; or why it is not looked at.
fn content(line: &[u8]) -> Result<&str, &'static str> {
    if line.len() > MAX_LINE {
        return Err("too long");
    }
    let text = std::str::from_utf8(line).map_err(|_| "no UTF-8")?;
    let text = text.split(['#', ';']).next().unwrap_or_default().trim();
    let keyword = text.split_whitespace().next().unwrap_or_default();
    Ok(if TOR_KEYWORDS.contains(&keyword) { "" } else { text })
}

/// The fields of a line, without quotes.
fn fields(text: &str) -> Vec<&str> {
    let bare = |field| str::trim(field).trim_matches('"').trim();
    if text.contains(',') {
        return text.split(',').map(bare).collect();
    }
    text.split_whitespace().map(bare).collect()
}

fn network(field: &str) -> Option<IpNet> {
    let address = || field.parse::<IpAddr>().ok().map(IpNet::from);
    field.parse::<IpNet>().ok().or_else(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &[u8]) -> Vec<String> {
        let list = parse_list(text);
        let shown = list.entries.iter().map(|(network, label)| match label {
            Some(label) => format!("{network} {}", label.text()),
            None => network.to_string(),
        });
        shown.collect()
    }

    #[test]
    fn published_formats_are_read() {
        let plain = "\u{feff}# a comment\n; another\n\n198.51.100.7\n2001:db8::/32 ; SBL1\r\n";
        assert_eq!(networks(plain.as_bytes()), ["198.51.100.7/32", "2001:db8::/32"]);
        assert_eq!(networks(b"198.51.100.7\t9\n203.0.113.1 3\n").len(), 2);
        let tor =
            b"ExitNode 0011BD\nPublished 2026-03-01 10:00:00\nLastStatus 2026-03-01 11:00:00\n\
                    ExitAddress 192.0.2.1 2026-03-01 11:30:00\n";
        assert_eq!(networks(tor), ["192.0.2.1/32"]);
        assert_eq!(parse_list(tor).unreadable.count, 0);
        let csv = b"fingerprint, ipaddr, port\n00AB, 192.0.2.1, 444\n00AB, 2001:db8::1, 81\n";
        assert_eq!(networks(csv), ["192.0.2.1/32", "2001:db8::1/128"]);
        assert_eq!(parse_list(csv).unreadable.count, 0);
        let headless = b"\"00AB\",\"192.0.2.1\",444\n";
        assert_eq!(networks(headless), ["192.0.2.1/32"]);
        let labelled = b"label,network\nC2 server,192.0.2.0/24\n,192.0.2.1\n";
        assert_eq!(networks(labelled), ["192.0.2.0/24 c2_server", "192.0.2.1/32"]);
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted_and_told() {
        let mut text = b"192.0.2.1\nip,label\n300.1.1.1\n\x00\x01\n\xff\xfe\n".to_vec();
        text.extend(vec![b'1'; MAX_LINE + 1]);
        text.extend(b"\n192.0.2.0/33\n192.0.2.2");
        let list = parse_list(&text);
        assert_eq!(list.entries.len(), 2);
        assert_eq!(list.unreadable.count, 6);
        let first = &list.unreadable.first;
        assert_eq!(first.len(), 5);
        assert_eq!(first[0], "line 2, no address: ip,label");
        assert_eq!(first[1], "line 3, no address: 300.1.1.1");
        assert!(first[3].starts_with("line 5, no UTF-8: "), "{}", first[3]);
        assert!(first[4].starts_with("line 6, too long: 1111"), "{}", first[4]);
        assert!(first[4].len() < 100);
    }

    #[test]
    fn labels_have_no_commas_and_are_never_empty() {
        assert_eq!(Label::of(" Bad, Guys ").unwrap().text().as_ref(), "bad__guys");
        assert_eq!(Label::of(",;"), None);
        assert_eq!(Label::of(&"x".repeat(100)).unwrap().text().len(), MAX_LABEL);
    }
}
