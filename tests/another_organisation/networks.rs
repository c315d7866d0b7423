//! From where: offices, homes, telephones, data centres, and the inside of the cloud.

use super::dice::{Dice, fixed};

/// How somebody is connected at home.
#[derive(Clone, Copy)]
pub enum Home {
    /// A new IPv4 address of these networks (first two octets) every so many days.
    Leased(&'static [(u8, u8)], i64),
    /// IPv6 only: tools with dual-stack endpoints.
    Six(&'static str),
}

pub const TELEKOM: &[(u8, u8)] = &[(84, 150), (91, 12), (93, 213), (217, 84), (79, 214), (87, 162)];
pub const KABEL: &[(u8, u8)] = &[(95, 90), (178, 202), (31, 17), (109, 42)];
pub const O2: &[(u8, u8)] = &[(77, 11), (89, 14), (2, 243)];
pub const VIENNA: &[(u8, u8)] = &[(80, 108), (84, 115)];
pub const KRAKOW: &[(u8, u8)] = &[(83, 21), (89, 70)];

const OFFICE: [&str; 2] = ["62.157.83.18", "62.157.83.19"];
const VPN: [&str; 3] = ["185.44.76.10", "185.44.76.11", "185.44.76.14"];
const CAMPUS: [&str; 3] = ["193.174.88.4", "193.174.88.5", "193.174.91.20"];

pub fn office(dice: &mut Dice) -> String {
    (*dice.pick(&OFFICE)).to_owned()
}

pub fn vpn(dice: &mut Dice) -> String {
    (*dice.pick(&VPN)).to_owned()
}

pub fn campus(dice: &mut Dice) -> String {
    (*dice.pick(&CAMPUS)).to_owned()
}

/// The address of somebody's home on a day.
pub fn home(home: Home, mail: &str, day: i64) -> String {
    match home {
        Home::Leased(networks, lease) => {
            let turn = fixed(1, mail).between(0, lease - 1);
            let mut dice = fixed(2, &format!("{mail}/{}", (day + turn) / lease));
            let (a, b) = *dice.pick(networks);
            format!("{a}.{b}.{}.{}", dice.between(1, 254), dice.between(1, 254))
        }
        Home::Six(prefix) => {
            let site = fixed(3, &format!("{mail}/{}", day / 12)).hex(4);
            let own = fixed(4, &format!("{mail}/{day}")).hex(16);
            six(&format!("{prefix}:{site}"), &own)
        }
    }
}

/// A telephone as a hotspot: another address nearly every time.
pub fn mobile(dice: &mut Dice) -> String {
    let prefix = *dice.pick(&["2a01:598:8", "2a01:598:b", "2a02:3037:2", "2a02:3038:4"]);
    let (site, own) = (dice.hex(3), dice.hex(16));
    six(&format!("{prefix}{site}:{}", dice.hex(4)), &own)
}

/// An address of four groups of network and 16 digits of its own, in its short form.
fn six(network: &str, own: &str) -> String {
    let (a, b, c, d) = (&own[..4], &own[4..8], &own[8..12], &own[12..]);
    format!("{network}:{a}:{b}:{c}:{d}").parse::<std::net::Ipv6Addr>().unwrap().to_string()
}

/// A customer of the shop.
pub fn consumer(dice: &mut Dice) -> String {
    if dice.chance(0.22) {
        return mobile(dice);
    }
    let networks = *dice.pick(&[TELEKOM, TELEKOM, KABEL, KABEL, O2, VIENNA]);
    let (a, b) = *dice.pick(networks);
    format!("{a}.{b}.{}.{}", dice.between(0, 255), dice.between(1, 254))
}

/// A hosted runner of GitHub.
pub fn runner(dice: &mut Dice) -> String {
    let (a, b) = *dice.pick(&[
        (20, 55),
        (20, 161),
        (20, 84),
        (4, 227),
        (4, 152),
        (13, 82),
        (52, 184),
        (172, 183),
        (172, 208),
        (57, 151),
        (135, 119),
        (40, 76),
    ]);
    format!("{a}.{b}.{}.{}", dice.between(0, 255), dice.between(1, 254))
}

/// A function without a network of its own, in Frankfurt.
pub fn function(dice: &mut Dice) -> String {
    let (a, b) =
        *dice.pick(&[(3, 66), (3, 70), (3, 121), (18, 153), (18, 184), (35, 157), (52, 57)]);
    format!("{a}.{b}.{}.{}", dice.between(0, 255), dice.between(1, 254))
}

/// The inside of a network of ours.
pub fn private(dice: &mut Dice, second: u8) -> String {
    format!("10.{second}.{}.{}", dice.between(0, 31), dice.between(4, 250))
}

/// Something that looks through the whole Internet.
pub fn scanner(dice: &mut Dice) -> String {
    let (a, b, c) =
        *dice.pick(&[(45, 148, 10), (141, 98, 11), (185, 191, 171), (66, 249, 66), (52, 167, 144)]);
    format!("{a}.{b}.{c}.{}", dice.between(1, 254))
}
