//! Converts arguments from the flag syntax of Go, which the original program used, to the syntax of clap.

use std::ffi::{OsStr, OsString};

use super::{flags, table};

/// Normalizes flags to the syntax of clap: `-name value` becomes `--name=value`.
pub fn normalize(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut out = vec![OsString::from("coreos-cloudinit")];
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let Some(word) = without_dashes(&argument) else {
            // `--flag=VALUE` is a flag even if the bytes of VALUE are not UTF-8.
            out.push(argument);
            continue;
        };
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let flag = table().find(|flag| flag.name == name);
        match (flag, name, value) {
            (Some(flag), _, None) if flag.value.is_some() => match arguments.next_if(|next| !is_flag(next)) {
                Some(value) => {
                    let mut joined = OsString::from(format!("--{name}="));
                    joined.push(value);
                    out.push(joined);
                }
                None => out.push(format!("--{name}").into()),
            },
            (Some(flag), _, Some(value)) if flag.value.is_none() => {
                let value = match value {
                    "1" | "t" | "T" | "true" | "TRUE" | "True" => "true",
                    "0" | "f" | "F" | "false" | "FALSE" | "False" => "false",
                    other => other,
                };
                out.push(format!("--{name}={value}").into());
            }
            (Some(_), ..) | (None, "help" | "version", None) => out.push(format!("--{word}").into()),
            (None, "help" | "version", Some("true" | "1" | "t")) => out.push(format!("--{name}").into()),
            (None, ..) => out.push(argument),
        }
    }
    out
}

fn without_dashes(argument: &OsStr) -> Option<&str> {
    argument.to_str().and_then(|text| text.strip_prefix("--").or(text.strip_prefix('-')))
}

/// Returns true for a flag of the program. A flag as the value of another flag needs `=`: if `--from-file --validate`
/// took `--validate` as the file, a forgotten value would turn a check into a real run.
fn is_flag(argument: &OsString) -> bool {
    let name = without_dashes(argument).map(|word| word.split_once('=').map_or(word, |(name, _)| name));
    name.is_some_and(|name| flags().any(|flag| flag == name))
}
