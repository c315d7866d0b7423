//! The text of a record as it was written, whatever it came in.

use super::*;

/// Keeps the text of each record.
#[derive(Default)]
struct Texts(Vec<String>);

impl RecordSink for Texts {
    fn wants_texts(&self) -> bool {
        true
    }

    fn record(&mut self, _: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
        self.0.push(record.text().into_owned());
        Ok(())
    }
}

fn texts(stored: &[u8]) -> Vec<String> {
    let mut sink = Texts::default();
    Decoder::new(Limits::default()).decode("a.json", Claim::Given, stored, &mut sink).unwrap();
    sink.0
}

/// Records as nobody would write them anew: numbers, escapes, spaces and empty things.
fn odd() -> Vec<String> {
    let tails = [
        r#""x":1.10"#,
        r#""x":5.240E2 , "y" : -0.0"#,
        r#""\u0065vent":"a\/b\u00e9","z":{"":[ ],"q":{}}"#,
        r#""k\"ey\\":"}{][,\"","last" :[1,{"a":"]}"}] "#,
        r#""":"","last":"""#,
    ];
    tails.map(|tail| format!("{{ {},{tail} }}", &event(1)[1..event(1).len() - 1])).into()
}

#[test]
fn records_keep_their_text_in_whatever_they_come() {
    let odd = odd();
    let list = document(&odd);
    let spaced = list.replace("},{ ", "} ,\n { ");
    for whole in [&list, &spaced] {
        assert_eq!(texts(whole.as_bytes()), odd);
        assert_eq!(texts(&gz(whole.as_bytes())), odd);
    }
    assert_eq!(texts(odd.join("\n").as_bytes()), odd);
    assert_eq!(texts(format!("[{}]", odd.join(",")).as_bytes()), odd);
    let message = |record: &String| format!(r#"{{"message":{}}}"#, serde_json::json!(record));
    let messages: Vec<String> = odd.iter().map(message).collect();
    assert_eq!(texts(messages.join("\n").as_bytes()), odd);
    let log_events = format!(r#"{{"logEvents":[{}]}}"#, messages.join(","));
    assert_eq!(texts(log_events.as_bytes()), odd);
}

#[test]
fn a_damaged_document_gives_the_texts_of_what_is_sound() {
    let odd = odd();
    let cut = format!(r#"{{"Records":[{},{{"eventTime":"#, odd.join(","));
    assert_eq!(texts(cut.as_bytes()), odd);
}

#[test]
fn a_repaired_record_is_given_as_it_was_understood() {
    let wide = event(1).replace("1.0,", "1e400,").replace("111122223333", r"\ud800");
    let [text] = &*texts(document(&[wide]).as_bytes()) else { panic!("one record") };
    assert!(text.contains(r#""bytes":"1e400""#) && text.contains('\u{fffd}'), "{text}");
}

#[test]
fn what_has_no_first_key_is_given_anew() {
    assert_eq!(texts(br#"{"Records":[{ },[ 1 ]]}"#), ["{}", "[1]"]);
}
