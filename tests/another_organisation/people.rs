//! Who works here: at hours, from places and with habits of their own.

use super::agents::{CHROME, FIREFOX, LINUX, MAC, SAFARI, WINDOWS, WSL};
use super::identities::{Role, sso};
use super::networks::{self, Home, KABEL, KRAKOW, O2, TELEKOM, VIENNA};
use super::world::{COMMERCE, RESEARCH};

/// A permission set.
#[derive(Clone, Copy, PartialEq)]
pub enum Set {
    Analyst,
    Power,
    Admin,
    Developer,
    Data,
    Support,
}

pub struct Person {
    pub mail: &'static str,
    pub account: &'static str,
    pub set: Set,
    pub home: Home,
    /// Stints of work a day.
    pub busy: f64,
    /// Days of work: new employees begin later.
    pub first: i64,
    pub away: &'static [(i64, i64)],
    pub system: &'static str,
    pub browser: &'static str,
    /// How much is done in the console.
    pub console: f64,
    /// How often the VPN is on, out of the office.
    pub vpn: f64,
}

impl Person {
    pub fn role(&self) -> Role {
        let name = match (self.set, self.account == RESEARCH) {
            (Set::Analyst, _) => "AWSReservedSSO_ResearchAnalyst_3f0a9c51d2e7b648",
            (Set::Power, _) => "AWSReservedSSO_ResearchPowerUser_b7715e0d94ac2f83",
            (Set::Admin, true) => "AWSReservedSSO_PlatformAdmin_0c62d8f13b9e4a57",
            (Set::Admin, false) => "AWSReservedSSO_PlatformAdmin_e94b07a6d25c1f38",
            (Set::Developer, _) => "AWSReservedSSO_ShopDeveloper_8d41f0c6a2b97e35",
            (Set::Data, _) => "AWSReservedSSO_DataAnalyst_52e9b3a07f6c18d4",
            (Set::Support, _) => "AWSReservedSSO_SupportReadOnly_a6f8130c7d92e4b5",
        };
        sso(self.account, name)
    }

    pub fn works(&self, day: i64) -> bool {
        let away = self.away.iter().any(|(from, until)| (*from..=*until).contains(&day));
        day >= self.first && !away
    }

    pub fn at_home(&self, day: i64) -> String {
        networks::home(self.home, self.mail, day)
    }
}

const fn person(
    mail: &'static str,
    account: &'static str,
    set: Set,
    home: Home,
    busy: f64,
) -> Person {
    Person {
        mail,
        account,
        set,
        home,
        busy,
        first: 0,
        away: &[],
        system: LINUX,
        browser: FIREFOX,
        console: 0.5,
        vpn: 0.55,
    }
}

const fn dsl(lease: i64) -> Home {
    Home::Leased(TELEKOM, lease)
}

const CABLE: Home = Home::Leased(KABEL, 120);
const SHARED: Home = Home::Leased(O2, 3);
const SIX: Home = Home::Six("2003:e4:7f1a");

/// On call, week by week.
pub const ON_CALL: [usize; 3] = [9, 10, 12];

pub static PEOPLE: [Person; 27] = [
    person("h.lindner@nlk-research.example", RESEARCH, Set::Analyst, dsl(14), 2.2),
    Person {
        browser: SAFARI,
        system: MAC,
        ..person("c.oduya@nlk-research.example", RESEARCH, Set::Analyst, CABLE, 1.6)
    },
    Person {
        away: &[(15, 26)],
        ..person("f.reimann@nlk-research.example", RESEARCH, Set::Analyst, SHARED, 1.2)
    },
    Person {
        first: 17,
        system: WSL,
        browser: CHROME,
        ..person("n.abdi@nlk-research.example", RESEARCH, Set::Analyst, dsl(30), 2.4)
    },
    Person {
        console: 0.2,
        ..person("a.brandt@nlk-research.example", RESEARCH, Set::Power, dsl(21), 2.8)
    },
    Person {
        system: MAC,
        browser: SAFARI,
        console: 0.3,
        ..person("l.hoffmann@nlk-research.example", RESEARCH, Set::Power, CABLE, 2.4)
    },
    Person {
        away: &[(28, 34)],
        console: 0.1,
        ..person(
            "p.nowak@nlk-research.example",
            RESEARCH,
            Set::Power,
            Home::Leased(KRAKOW, 40),
            2.0,
        )
    },
    Person {
        console: 0.3,
        vpn: 0.2,
        ..person("y.tanaka@nlk-research.example", RESEARCH, Set::Power, SIX, 1.5)
    },
    Person {
        console: 0.8,
        browser: CHROME,
        ..person("d.seidel@nlk-research.example", RESEARCH, Set::Analyst, dsl(9), 0.7)
    },
    Person {
        system: MAC,
        browser: CHROME,
        ..person("r.vogt@nlk-research.example", RESEARCH, Set::Admin, CABLE, 1.5)
    },
    Person {
        system: LINUX,
        console: 0.3,
        ..person("m.ferrari@nlk-research.example", RESEARCH, Set::Admin, SHARED, 1.6)
    },
    Person {
        system: MAC,
        browser: CHROME,
        ..person("r.vogt@nlk-research.example", COMMERCE, Set::Admin, CABLE, 1.1)
    },
    Person {
        system: LINUX,
        console: 0.3,
        away: &[(4, 8)],
        ..person("m.ferrari@nlk-research.example", COMMERCE, Set::Admin, SHARED, 1.4)
    },
    Person {
        system: MAC,
        browser: CHROME,
        ..person("t.yilmaz@nordkiosk.example", COMMERCE, Set::Developer, CABLE, 2.6)
    },
    Person {
        system: MAC,
        browser: SAFARI,
        console: 0.2,
        ..person("j.petersen@nordkiosk.example", COMMERCE, Set::Developer, dsl(5), 2.2)
    },
    Person {
        away: &[(18, 28)],
        ..person("e.santos@nordkiosk.example", COMMERCE, Set::Developer, SHARED, 1.8)
    },
    Person {
        system: WINDOWS,
        browser: CHROME,
        ..person(
            "o.kovacs@nordkiosk.example",
            COMMERCE,
            Set::Developer,
            Home::Leased(VIENNA, 25),
            1.4,
        )
    },
    Person {
        first: 35,
        system: MAC,
        browser: CHROME,
        ..person("i.lehmann@nordkiosk.example", COMMERCE, Set::Developer, CABLE, 2.1)
    },
    Person {
        vpn: 0.8,
        browser: CHROME,
        ..person("k.schuster@nordkiosk.example", COMMERCE, Set::Data, dsl(14), 3.2)
    },
    Person {
        system: MAC,
        browser: CHROME,
        ..person("b.nguyen@nordkiosk.example", COMMERCE, Set::Data, CABLE, 2.6)
    },
    Person {
        vpn: 0.3,
        away: &[(36, 45)],
        ..person("w.albers@nordkiosk.example", COMMERCE, Set::Data, SHARED, 1.9)
    },
    Person {
        console: 0.7,
        browser: CHROME,
        ..person("g.simon@nordkiosk.example", COMMERCE, Set::Data, dsl(45), 1.2)
    },
    Person {
        console: 0.95,
        browser: CHROME,
        ..person("s.wagner@nordkiosk.example", COMMERCE, Set::Support, CABLE, 3.0)
    },
    Person {
        console: 1.0,
        browser: CHROME,
        vpn: 0.9,
        ..person("u.peters@nordkiosk.example", COMMERCE, Set::Support, dsl(2), 2.8)
    },
    Person {
        console: 1.0,
        browser: CHROME,
        away: &[(0, 4), (21, 25)],
        ..person("z.haddad@nordkiosk.example", COMMERCE, Set::Support, SHARED, 2.2)
    },
    Person {
        console: 1.0,
        browser: SAFARI,
        ..person("v.koch@nordkiosk.example", COMMERCE, Set::Support, dsl(60), 0.6)
    },
    Person {
        console: 0.9,
        ..person("x.baumann@nlk-research.example", RESEARCH, Set::Analyst, dsl(10), 0.3)
    },
];

pub fn named(mail: &str) -> &'static Person {
    PEOPLE.iter().find(|person| person.mail == mail).unwrap()
}
