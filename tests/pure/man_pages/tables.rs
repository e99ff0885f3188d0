//! The tables of `docs/command-line.md`.

use std::fmt::Write as _;

use clap::Arg;
use cloud_config::convert::PLATFORMS;
use cloudinit::source::OEMS;
use cloudinit::terminal::Sign;
use regex::Regex;

use crate::generated;

/// The pages that describe more than the long help of a flag.
const PAGES: &[(&str, &str)] = &[
    ("convert-netconf", "network.md"),
    ("root", "applying.md"),
    ("validate", "validating.md"),
    ("dry-run", "applying.md"),
    ("exit-code", "drift.md"),
    ("explain", "findings.md"),
    ("convert-to", "leaving.md"),
    ("schema", "editors.md"),
    ("show-diff", "security.md"),
];

#[test]
fn the_tables_of_the_command_line_match_the_program() {
    let count = generated::check("docs/command-line.md", "table of", |name| match name {
        "signs" => signs(),
        "platforms" => platforms(),
        "metadata platforms" => {
            PLATFORMS.iter().map(|platform| format!("`{}`", platform.name)).collect::<Vec<_>>().join(", ")
        }
        "formats" => cloudinit::cli::formats().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        group => flags(group),
    });
    assert_eq!(count, 9, "five groups of flags, two lists of platforms, formats, signs");
}

/// The flags of a group, as rows.
fn flags(group: &str) -> String {
    let command = cloudinit::cli::help_command();
    let rows: String = command.get_arguments().filter(|flag| flag.get_help_heading() == Some(group)).map(row).collect();
    assert!(!rows.is_empty(), "there are no flags of {group}");
    format!("| flag | default | meaning |\n|---|---|---|\n{rows}")
}

fn row(flag: &Arg) -> String {
    let short = flag.get_short().map(|name| format!("-{name}"));
    let long = flag.get_long().map(|name| format!("--{name}"));
    let name = short.into_iter().chain(long).collect::<Vec<_>>().join("`, `");
    let value = flag.get_value_names().filter(|_| flag.get_action().takes_values()).and_then(<[_]>::first);
    let value = value.map_or_else(String::new, |value| format!(" {value}"));
    let text = flag.get_long_help().or(flag.get_help()).expect("a flag has help").to_string();
    let text = text.replacen("\n\n", ". ", 1);
    let default = Regex::new(r" ?\[default: ([^\]]*)\]").unwrap();
    let stated = default.captures(&text).map_or_else(String::new, |found| format!("`{}`", &found[1]));
    let text = default.replace(&text, "").into_owned();
    let text = text.trim_end_matches('.').to_owned() + ".";
    // In a table of Markdown, names of flags and paths are code, and a bar ends the cell.
    let url = r"https?://[a-z0-9.\[\]:-]*/";
    let path = "~?/[A-Za-z.][A-Za-z0-9_./-]*[A-Za-z0-9]";
    let code = format!("--[a-z][a-z0-9-]*(?:={url})?|{url}|{path}|cloud-config-url=URL|authorized_keys|https_proxy");
    let code = Regex::new(&code).unwrap();
    let text = code.replace_all(&text, "`$0`").replace('|', "\\|");
    let page = PAGES.iter().find(|(flag, _)| format!("--{flag}") == name);
    let page = page.map_or_else(String::new, |(_, page)| format!(" See [{page}]({page})."));
    let default = if stated.is_empty() { String::new() } else { format!("{stated} ") };
    format!("| `{name}{value}` | {default}| {text}{page} |\n")
}

/// The platforms of `--oem`, with the flags that each sets.
fn platforms() -> String {
    let mut out = String::from("| platform | sets |\n|---|---|\n");
    for oem in &OEMS {
        let flag = |(flag, value): &(&str, &str)| match *value {
            "true" => format!("`--{flag}`"),
            value => format!("`--{flag}={value}`"),
        };
        let flags: Vec<_> = oem.flags.iter().map(flag).collect();
        let _ = writeln!(out, "| `{}` | {} |", oem.name, flags.join(" "));
    }
    out
}

/// The signs before steps.
fn signs() -> String {
    let mut out =
        String::from("| sign | legend | meaning | in a run, `--status` | in a dry run |\n|---|---|---|---|---|\n");
    for sign in Sign::ALL {
        let mark = |is: bool| if is { "yes" } else { "no" };
        let (result, forecast) = (mark(sign.is_result()), mark(sign.is_forecast()));
        let _ =
            writeln!(out, "| `{}` | {} | {} | {result} | {forecast} |", sign.character(), sign.word(), sign.meaning());
    }
    out
}
