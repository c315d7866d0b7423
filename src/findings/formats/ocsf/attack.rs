//! MITRE ATT&CK as OCSF has it: tactics by number and name, techniques by number.

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::findings::formats::row::Row;

/// The matrix whose tactics these are: the last one that has `Defense Evasion`.
const VERSION: &str = "18";

/// Tactics of the Enterprise matrix: Sigma's name, number, caption.
const TACTICS: [(&str, &str, &str); 14] = [
    ("collection", "TA0009", "Collection"),
    ("command_and_control", "TA0011", "Command and Control"),
    ("credential_access", "TA0006", "Credential Access"),
    ("defense_evasion", "TA0005", "Defense Evasion"),
    ("discovery", "TA0007", "Discovery"),
    ("execution", "TA0002", "Execution"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
    ("initial_access", "TA0001", "Initial Access"),
    ("lateral_movement", "TA0008", "Lateral Movement"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege_escalation", "TA0004", "Privilege Escalation"),
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource_development", "TA0042", "Resource Development"),
];

/// One `attack` per technique with the tactic, if there is but one; which of several tactics a
/// technique serves a rule's tags do not say, so then each stands by itself.
pub(super) fn attacks(row: &Row<'_>) -> Result<Vec<Value>> {
    let tactics: Vec<Value> = row.texts("mitre_tactics")?.into_iter().map(tactic).collect();
    let techniques = row.texts("mitre_techniques")?.into_iter().map(technique);
    if let [only] = tactics.as_slice() {
        let attacks: Vec<Value> = techniques.map(|technique| attack(technique, only)).collect();
        if !attacks.is_empty() {
            return Ok(attacks);
        }
        return Ok(vec![attack(Map::new(), only)]);
    }
    let tactics = tactics.iter().map(|tactic| attack(Map::new(), tactic));
    Ok(tactics.chain(techniques.map(|technique| attack(technique, &Value::Null))).collect())
}

fn attack(mut fields: Map<String, Value>, tactic: &Value) -> Value {
    fields.insert("tactic".to_owned(), tactic.clone());
    if tactic.get("uid").is_some() {
        fields.insert("version".to_owned(), json!(VERSION));
    }
    Value::Object(fields)
}

fn tactic(name: &str) -> Value {
    let known = TACTICS.iter().find(|(known, ..)| *known == name.replace('-', "_"));
    known.map_or_else(
        || json!({ "name": name }),
        |(_, uid, caption)| json!({ "uid": uid, "name": caption }),
    )
}

/// `T1485` is a technique, `T1078.004` a sub-technique of `T1078`.
fn technique(id: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some((parent, _)) = id.split_once('.') {
        fields.insert("technique".to_owned(), json!({ "uid": parent }));
        fields.insert("sub_technique".to_owned(), json!({ "uid": id }));
    } else {
        fields.insert("technique".to_owned(), json!({ "uid": id }));
    }
    fields
}
