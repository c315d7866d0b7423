//! The simulation's networks as a MaxMind database, for look-ups of country and autonomous system.
//!
//! In: the networks. Out: one file with the keys of both GeoLite2-Country and GeoLite2-ASN. The
//! format is MaxMind DB 2.0, <https://maxmind.github.io/MaxMind-DB/>: a binary tree over the bits of
//! addresses (IPv6, with IPv4 below `::/96`), a data section, and a map that describes both.

use std::collections::BTreeMap;

use super::network::{NETWORKS, Network};

/// Between the tree and the data stand so many zero bytes.
const SEPARATOR: usize = 16;
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Where a branch of the tree leads.
#[derive(Clone, Copy)]
enum Branch {
    Nowhere,
    Node(usize),
    /// An offset in the data section.
    Data(usize),
}

/// A value of the data section.
enum Value<'a> {
    Text(&'a str),
    Number(u32),
    /// 16 bits, for the description alone.
    Short(u32),
    /// 64 bits, for the description alone.
    Long(u64),
    List(&'a [Value<'a>]),
    Map(&'a [(&'a str, Value<'a>)]),
}

/// The database as bytes.
pub fn database() -> Vec<u8> {
    let mut tree = vec![[Branch::Nowhere; 2]];
    let mut data = Vec::new();
    let mut written = BTreeMap::new();
    for network in NETWORKS {
        let key = (network.number, network.operator, network.country);
        let offset = *written.entry(key).or_insert_with(|| {
            let offset = data.len();
            push_network(&mut data, network);
            offset
        });
        insert(&mut tree, network, offset);
    }
    let mut bytes = Vec::new();
    for branch in tree.iter().flatten() {
        let value = match *branch {
            Branch::Nowhere => tree.len(),
            Branch::Node(at) => at,
            Branch::Data(offset) => tree.len() + SEPARATOR + offset,
        };
        bytes.extend_from_slice(&(value as u32).to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&[0; SEPARATOR]);
    bytes.extend(data);
    bytes.extend_from_slice(MARKER);
    push_description(&mut bytes, tree.len());
    bytes
}

/// Networks must not overlap.
fn insert(tree: &mut Vec<[Branch; 2]>, network: &Network, offset: usize) {
    let address = u128::from(u32::from_be_bytes(network.prefix));
    let bits = 96 + usize::from(network.bits);
    let mut at = 0;
    for depth in 0..bits {
        let side = (address >> (127 - depth) & 1) as usize;
        if depth + 1 == bits {
            tree[at][side] = Branch::Data(offset);
        } else if let Branch::Node(next) = tree[at][side] {
            at = next;
        } else {
            tree.push([Branch::Nowhere; 2]);
            tree[at][side] = Branch::Node(tree.len() - 1);
            at = tree.len() - 1;
        }
    }
}

fn push_network(out: &mut Vec<u8>, network: &Network) {
    let country = [("iso_code", Value::Text(network.country))];
    let fields = [
        ("autonomous_system_number", Value::Number(network.number)),
        ("autonomous_system_organization", Value::Text(network.operator)),
        ("country", Value::Map(&country)),
    ];
    push(out, &Value::Map(&fields));
}

fn push_description(out: &mut Vec<u8>, nodes: usize) {
    let languages = [Value::Text("en")];
    let description = [("en", Value::Text("Networks of a simulated organisation"))];
    let fields = [
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        // The first day of the simulation, so that equal networks give equal bytes.
        ("build_epoch", Value::Long(super::calendar::START.unsigned_abs())),
        ("database_type", Value::Text("trailsift-organisation-ASN-Country")),
        ("description", Value::Map(&description)),
        ("ip_version", Value::Short(6)),
        ("languages", Value::List(&languages)),
        ("node_count", Value::Number(nodes as u32)),
        ("record_size", Value::Short(24)),
    ];
    push(out, &Value::Map(&fields));
}

fn push(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => {
            control(out, 2, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Short(number) => push_number(out, 5, u64::from(*number)),
        Value::Number(number) => push_number(out, 6, u64::from(*number)),
        Value::Long(number) => push_number(out, 9, *number),
        Value::List(items) => {
            control(out, 11, items.len());
            items.iter().for_each(|item| push(out, item));
        }
        Value::Map(fields) => {
            control(out, 7, fields.len());
            for (key, value) in *fields {
                push(out, &Value::Text(key));
                push(out, value);
            }
        }
    }
}

/// Integers have no leading zero bytes.
fn push_number(out: &mut Vec<u8>, kind: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let digits = &bytes[number.leading_zeros() as usize / 8..];
    control(out, kind, digits.len());
    out.extend_from_slice(digits);
}

/// Type and size; types above 7 stand in a byte of their own, sizes above 28 too.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, long) = if size < 29 { (size as u8, None) } else { (29, Some(size - 29)) };
    if kind > 7 {
        out.extend_from_slice(&[short, kind - 7]);
    } else {
        out.push(kind << 5 | short);
    }
    out.extend(long.map(|rest| rest as u8));
}
