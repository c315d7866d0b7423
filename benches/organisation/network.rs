//! The networks that calls come from, each with its autonomous system and country.
//!
//! In: what kind of place a caller is at. Out: addresses of a network there. Prefixes, numbers and
//! names are those of large operators in 2026, so that any database of networks knows most of them.

use super::generate::text;

/// What a network is used for in the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Households.
    Home,
    /// Mobile phones.
    Mobile,
    /// The lines of offices.
    Office,
    /// Companies' gateways to the web.
    Gateway,
    /// Instances of AWS.
    Cloud,
    /// Runners of a build service.
    Runners,
    /// Servers for rent: some travellers' VPNs, and intruders.
    Hosting,
    /// Households where nobody works.
    Abroad,
}

/// A network.
pub(crate) struct Network {
    pub(crate) prefix: [u8; 4],
    /// Length of the prefix.
    pub(crate) bits: u8,
    /// Number of the autonomous system.
    pub(crate) number: u32,
    /// Who runs it.
    pub(crate) operator: &'static str,
    /// ISO 3166 code of the country.
    pub(crate) country: &'static str,
    pub(crate) kind: Kind,
}

const fn net(
    (a, b, bits): (u8, u8, u8),
    number: u32,
    operator: &'static str,
    country: &'static str,
    kind: Kind,
) -> Network {
    Network { prefix: [a, b, 0, 0], bits, number, operator, country, kind }
}

/// All networks.
pub(crate) const NETWORKS: &[Network] = &[
    net((87, 140, 16), 3320, "Deutsche Telekom AG", "DE", Kind::Home),
    net((88, 64, 16), 3209, "Vodafone GmbH", "DE", Kind::Home),
    net((77, 0, 16), 6805, "Telefonica Germany GmbH & Co.OHG", "DE", Kind::Home),
    net((80, 187, 16), 3320, "Deutsche Telekom AG", "DE", Kind::Mobile),
    net((109, 40, 16), 3209, "Vodafone GmbH", "DE", Kind::Mobile),
    net((62, 153, 16), 3320, "Deutsche Telekom AG", "DE", Kind::Office),
    net((83, 0, 16), 5617, "Orange Polska Spolka Akcyjna", "PL", Kind::Home),
    net((89, 64, 16), 12741, "Netia SA", "PL", Kind::Home),
    net((37, 47, 16), 8374, "Polkomtel Sp. z o.o.", "PL", Kind::Mobile),
    net((195, 116, 16), 5617, "Orange Polska Spolka Akcyjna", "PL", Kind::Office),
    net((86, 128, 16), 2856, "British Telecommunications PLC", "GB", Kind::Home),
    net((90, 192, 16), 5607, "Sky UK Limited", "GB", Kind::Home),
    net((31, 64, 16), 12576, "EE Limited", "GB", Kind::Mobile),
    net((62, 6, 16), 5400, "British Telecommunications PLC", "GB", Kind::Office),
    net((73, 0, 16), 7922, "COMCAST-7922", "US", Kind::Home),
    net((71, 160, 16), 701, "UUNET", "US", Kind::Home),
    net((24, 24, 16), 11426, "TWC-11426-CAROLINAS", "US", Kind::Home),
    net((172, 56, 16), 21928, "T-MOBILE-AS21928", "US", Kind::Mobile),
    net((12, 0, 16), 7018, "ATT-INTERNET4", "US", Kind::Office),
    net((122, 160, 16), 24560, "Bharti Airtel Ltd., Telemedia Services", "IN", Kind::Home),
    net((49, 36, 16), 55836, "Reliance Jio Infocomm Limited", "IN", Kind::Home),
    net((157, 32, 16), 55836, "Reliance Jio Infocomm Limited", "IN", Kind::Mobile),
    net((115, 112, 16), 4755, "TATA Communications", "IN", Kind::Office),
    net((165, 225, 16), 22616, "ZSCALER-INC", "US", Kind::Gateway),
    net((147, 161, 16), 62044, "Zscaler Switzerland GmbH", "DE", Kind::Gateway),
    net((3, 64, 12), 16509, "AMAZON-02", "DE", Kind::Cloud),
    net((18, 184, 15), 16509, "AMAZON-02", "DE", Kind::Cloud),
    net((52, 58, 15), 16509, "AMAZON-02", "DE", Kind::Cloud),
    net((52, 4, 14), 14618, "AMAZON-AES", "US", Kind::Cloud),
    net((34, 192, 12), 14618, "AMAZON-AES", "US", Kind::Cloud),
    net((20, 57, 16), 8075, "MICROSOFT-CORP-MSN-AS-BLOCK", "US", Kind::Runners),
    net((4, 148, 16), 8075, "MICROSOFT-CORP-MSN-AS-BLOCK", "US", Kind::Runners),
    net((13, 64, 16), 8075, "MICROSOFT-CORP-MSN-AS-BLOCK", "US", Kind::Runners),
    net((172, 182, 16), 8075, "MICROSOFT-CORP-MSN-AS-BLOCK", "US", Kind::Runners),
    net((65, 109, 16), 24940, "Hetzner Online GmbH", "FI", Kind::Hosting),
    net((51, 75, 16), 16276, "OVH SAS", "FR", Kind::Hosting),
    net((167, 99, 16), 14061, "DIGITALOCEAN-ASN", "US", Kind::Hosting),
    net((188, 166, 16), 14061, "DIGITALOCEAN-ASN", "NL", Kind::Hosting),
    net((45, 76, 16), 20473, "AS-VULTR", "SG", Kind::Hosting),
    net((176, 123, 16), 200_019, "Alexhost Srl", "MD", Kind::Hosting),
    net((146, 70, 16), 9009, "M247 Europe SRL", "RO", Kind::Hosting),
    net((185, 220, 16), 60729, "Stiftung Erneuerbare Freiheit", "DE", Kind::Hosting),
    net((5, 188, 16), 49505, "JSC Selectel", "RU", Kind::Hosting),
    net((95, 24, 16), 8402, "PJSC Vimpelcom", "RU", Kind::Abroad),
    net((113, 64, 16), 4134, "CHINANET-BACKBONE", "CN", Kind::Abroad),
    net((27, 64, 16), 7552, "Viettel Group", "VN", Kind::Abroad),
    net((36, 64, 16), 7713, "PT Telekomunikasi Indonesia", "ID", Kind::Abroad),
    net((177, 32, 16), 28573, "Claro NXT Telecomunicacoes Ltda", "BR", Kind::Abroad),
    net((105, 112, 16), 36873, "Airtel Networks Limited", "NG", Kind::Abroad),
    net((80, 24, 16), 3352, "TELEFONICA DE ESPANA S.A.U.", "ES", Kind::Abroad),
    net((79, 0, 16), 3269, "Telecom Italia S.p.A.", "IT", Kind::Abroad),
    net((118, 0, 16), 4713, "NTT DOCOMO BUSINESS,Inc.", "JP", Kind::Abroad),
    net((90, 0, 16), 3215, "Orange S.A.", "FR", Kind::Abroad),
    net(
        (85, 240, 16),
        3243,
        "MEO - SERVICOS DE COMUNICACOES E MULTIMEDIA S.A.",
        "PT",
        Kind::Abroad,
    ),
    net((94, 64, 16), 6799, "OTE SA", "GR", Kind::Abroad),
];

/// Positions of the networks of a kind, in one country or in all.
pub(crate) fn of(kind: Kind, country: Option<&str>) -> Vec<usize> {
    let fits = |net: &Network| net.kind == kind && country.is_none_or(|code| net.country == code);
    (0..NETWORKS.len()).filter(|at| fits(&NETWORKS[*at])).collect()
}

/// An address of a network; the same seed gives the same one.
pub(crate) fn address(network: usize, seed: u64) -> [u8; 4] {
    let net = &NETWORKS[network];
    let hosts = (1_u32 << (32 - net.bits)) - 2;
    let host = 1 + (text::mix(seed, 21) % u64::from(hosts)) as u32;
    (u32::from_be_bytes(net.prefix) | host).to_be_bytes()
}

/// An address inside a company's own network, as calls through a VPC endpoint show it.
pub(crate) fn private_address(subnet: u8, seed: u64) -> [u8; 4] {
    let seed = text::mix(seed, 22);
    [10, subnet, (seed >> 8) as u8 & 63, (seed >> 16) as u8 | 2]
}
