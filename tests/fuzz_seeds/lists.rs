//! Files of known addresses.

use super::Seed;

pub(super) fn seeds() -> Vec<Seed> {
    let texts = [
        ("plain", "# a comment\n; another\n\n198.51.100.7\n2001:db8::/32 ; SBL1\r\n"),
        ("counted", "198.51.100.7\t9\n203.0.113.1\t3\n"),
        (
            "tor-exits",
            "ExitNode 0011BD\nPublished 2026-03-01 10:00:00\nLastStatus 2026-03-01 11:00:00\n\
             ExitAddress 192.0.2.1 2026-03-01 11:30:00\n",
        ),
        ("table", "fingerprint, ipaddr, port\n00AB, 192.0.2.1, 444\n00AB, 2001:db8::1, 81\n"),
        ("labels", "label,network\nC2 server,192.0.2.0/24\n,192.0.2.1\n\",\",192.0.2.2\n"),
        ("quoted", "\"00AB\",\"192.0.2.1\",444\n"),
        ("mapped", "::ffff:198.51.100.7\n::ffff:0:0/96\n0.0.0.0/0\n::/0\n10.0.0.0/8\n"),
        ("unreadable", "300.1.1.1\n\u{0}\u{1b}[31m\n192.0.2.0/33\nip\n"),
        ("geo-table", "198.51.100.0/24 AS64500 DE\n2001:db8::/32 AS64501\n"),
        (
            "aws-ranges.json",
            r#"{"createDate":"x","prefixes":[{"ip_prefix":"203.0.113.0/24","region":"eu-west-1","service":"EC2"},{"ip_prefix":"?","region":"","service":"AMAZON"}],"ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/32","region":"GLOBAL","service":"AMAZON"}]}"#,
        ),
        ("agents", "[aws-cli/2.15.0 Linux/6.5.0-kali3-amd64]\nathena.amazonaws.com\n[]\nkali\n"),
    ];
    let seed = |(name, text): (&str, &str)| (name.to_owned(), text.as_bytes().to_vec());
    let mut seeds: Vec<Seed> = texts.map(seed).into();
    seeds.push(("no-text".to_owned(), b"\xff\xfe\n192.0.2.1\n\x00".to_vec()));
    seeds
}
