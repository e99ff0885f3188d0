//! The meaning of plain text: null, a boolean, a number, or text.

use cloud_config::yaml::{self, Field};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::invariants::yaml::parse;

/// The texts with a different meaning than in `PyYAML`, with reasons.
const DIFFERENT: &[(&[&str], &str)] = &[
    (&["y", "Y", "n", "N"], "truth values of YAML 1.1 that PyYAML leaves out"),
    (&["-.5", "+.5", "-.5e+1", "+.5e+1"], "numbers of YAML 1.1 that PyYAML leaves out"),
    (&["1e3", "1e+3", "1.5e3"], "numbers as everything but YAML 1.1 writes them, and as the reference reads them"),
    (&["0o17", "0o7"], "octal as YAML 1.2 writes it"),
    (&[".inf", "-.Inf", "+.INF", ".nan", ".NaN", ".NAN", "1.5e+400"], "no option takes what is no finite number"),
];

/// Words that mean something, or nearly.
const WORDS: &str = "~ null Null NULL nULL none true True TRUE tRUE false False FALSE yes Yes YES no No NO on On ON off \
    Off OFF y Y n N t enabled .inf -.Inf +.INF .nan .NaN .NAN inf nan 2001-01-01 2001-12-14t21:59:43.10-05:00 = 0o8";

/// Numbers, or nearly.
const NUMBERS: &str = "0 00 000 1 7 8 9 10 08 09 010 0777 0778 0_7 0_ 1_ 1_000 _1 1__0 0x0 0xFf 0x_f 0xg 0x 0X1 0b0 0b101 \
    0b1_0 0b2 0b 0B1 0o17 0o7 1:30 1:60 0:30 01:30 59:59:59 1:1:1:1 1:3_0 1.5 1. .5 . 1.5.2 0.0 01.5 1_0.5 1.5_0 ._5 1e3 1e+3 \
    1.e+3 1.5e3 1.5e+3 1.5e-3 1.5E+3 .5e+1 1e e3 1:30.5 1:30. 0:0.5 123456789012345678901234567890 9223372036854775807 \
    9223372036854775808 18446744073709551615 18446744073709551616 1,000 0x1.8 1e400 1.5e+400 08.5 08:30 8_8 1.0";

/// Plain text of every kind.
pub fn texts() -> Vec<String> {
    let signed = ["", "-", "+"].into_iter().flat_map(|sign| {
        let numbers = NUMBERS.split_whitespace();
        numbers.map(move |digits| format!("{sign}{digits}"))
    });
    WORDS.split_whitespace().map(str::to_owned).chain(signed).collect()
}

/// Returns the difference between our meaning of a text and theirs.
pub fn difference(text: &str, theirs: &Value) -> Option<String> {
    let unsigned = text.trim_start_matches(['-', '+']);
    if DIFFERENT.iter().any(|(texts, _)| texts.contains(&text) || texts.contains(&unsigned)) {
        return None;
    }
    let (ours, theirs) = (ours(text), meaning(theirs));
    (ours != theirs).then(|| format!("{text}\n  ours:   {ours}\n  theirs: {theirs}"))
}

fn ours(text: &str) -> String {
    let document = parse(&format!("- {text}\n"));
    let nothing = document.root.as_ref().and_then(|root| root.items()).is_some_and(|items| items[0].is_null());
    if nothing {
        return "nothing".to_owned();
    }
    let number = || read::<f64>(text).map(|number| format!("number {number:?}"));
    let whole = || read::<i64>(text).map(|_| ()).or_else(|| read::<u64>(text).map(|_| ())).and_then(|()| number());
    let truth = || read::<bool>(text).map(|truth| format!("truth {truth}"));
    truth().or_else(whole).or_else(number).unwrap_or_else(|| "text".to_owned())
}

/// The text read as this, where that is right.
fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let (values, findings) = yaml::read::<Vec<Field<T>>>(&parse(&format!("- {text}\n")));
    values.into_iter().next().filter(|_| findings.is_empty())?.value
}

fn meaning(theirs: &Value) -> String {
    let node = &theirs["tree"]["list"][0];
    let value = node["value"].as_str().unwrap_or_default();
    match node["tag"].as_str().unwrap_or_else(|| panic!("{theirs}")) {
        "null" => "nothing".to_owned(),
        "bool" => format!("truth {value}"),
        "int" | "float" => {
            value.parse::<f64>().map_or_else(|_| value.to_owned(), |number| format!("number {number:?}"))
        }
        _ => "text".to_owned(),
    }
}
