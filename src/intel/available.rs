//! Which kinds of knowledge a run has: what detectors may ask for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A kind of knowledge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The autonomous system of an address.
    Asn,
    /// The country of an address.
    Country,
    /// Lists of addresses that are known to be bad.
    ThreatList,
    /// The threat list of this label.
    Labelled(Arc<str>),
    /// Lists of addresses that are known to be good.
    Trusted,
    /// AWS's own ranges.
    AwsRanges,
    /// Values of the placeholder of this name in rules: an organisation's own lists.
    Placeholder(Arc<str>),
    /// No knowledge, but the wish to see what is weak alone.
    Hunting,
}

impl Kind {
    /// The kind that a detector names: `asn`, `country`, `threat_list`, `threat_list:tor`,
    /// `aws_ranges`, `placeholder:decoy_buckets`, `hunting`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "asn" => Self::Asn,
            "country" => Self::Country,
            "threat_list" => Self::ThreatList,
            "aws_ranges" => Self::AwsRanges,
            "hunting" => Self::Hunting,
            other => match other.split_once(':').filter(|(_, name)| !name.is_empty())? {
                ("threat_list", label) => Self::Labelled(label.into()),
                ("placeholder", name) => Self::Placeholder(name.into()),
                _ => return None,
            },
        })
    }

    /// What a run without it should be told: what is missing, and the flag that brings it.
    #[must_use]
    pub fn missing(&self) -> String {
        match self {
            Self::Asn => "no database with AS numbers was given: --geoip FILE.mmdb".to_owned(),
            Self::Country => "no database with countries was given: --geoip FILE.mmdb".to_owned(),
            Self::ThreatList => "no threat list was given: --threat-list FILE".to_owned(),
            Self::Labelled(label) => {
                format!("no threat list of this label was given: --threat-list {label}=FILE")
            }
            Self::Trusted => "no list of trusted addresses was given: --trusted FILE".to_owned(),
            Self::AwsRanges => {
                "AWS's address ranges were not given: --aws-ranges ip-ranges.json".to_owned()
            }
            Self::Placeholder(_) => {
                "lists of one's own were not given (`trailsift detectors show` names them): \
                 --placeholders FILE"
                    .to_owned()
            }
            Self::Hunting => "weak alone, for hunting: --hunting".to_owned(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asn => out.write_str("asn"),
            Self::Country => out.write_str("country"),
            Self::ThreatList => out.write_str("threat_list"),
            Self::Labelled(label) => write!(out, "threat_list:{label}"),
            Self::Trusted => out.write_str("trusted"),
            Self::AwsRanges => out.write_str("aws_ranges"),
            Self::Placeholder(name) => write!(out, "placeholder:{name}"),
            Self::Hunting => out.write_str("hunting"),
        }
    }
}

/// The kinds of knowledge that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Available {
    kinds: BTreeSet<Kind>,
    everything: bool,
    /// SHA-256 of the files.
    files: Vec<String>,
}

impl Available {
    /// Whatever may be asked for: to look at detectors, not at logs.
    #[must_use]
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    pub(super) fn new(kinds: BTreeSet<Kind>, files: Vec<String>) -> Self {
        Self { kinds, everything: false, files }
    }

    /// Whether there is knowledge of this kind.
    #[must_use]
    pub fn has(&self, kind: &Kind) -> bool {
        self.everything || self.kinds.contains(kind)
    }

    /// The same and these.
    #[must_use]
    pub fn with(&self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut more = self.clone();
        more.kinds.extend(kinds);
        more
    }

    /// Whether it stands for whatever may be asked for.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// SHA-256 of the files behind it, in the order in which they were given.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }
}
