//! The page of the sources agrees with the table, and the command line has all of them.

use std::path::Path;

use cloud_config::network::Format;
use cloudinit::cli;
use cloudinit::source::{OEMS, Policy, TABLE, oem};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/datasources.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of a table that begin like this, cell by cell.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let body = &page[start + 1..];
    let lines = body.lines().skip(1).take_while(|line| !line.starts_with('#'));
    let rows = lines.filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_source_has_its_row_and_its_section_in_the_order_of_the_table() {
    let page = page();
    let rows = rows(&page, "The sources");
    assert_eq!(rows.len(), TABLE.len());
    for (row, entry) in rows.iter().zip(TABLE) {
        let flag = row[0].trim_matches('`').split(' ').next().unwrap();
        assert_eq!(flag, format!("--{}", entry.flag));
        assert_eq!(row[2], if entry.waits { "yes" } else { "no" }, "{flag}");
    }
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### `--")).collect();
    let flags: Vec<_> = TABLE.iter().map(|entry| format!("{}`", entry.flag)).collect();
    assert_eq!(sections, flags);
}

#[test]
fn every_platform_has_its_row() {
    let page = page();
    let rows = rows(&page, "Platforms");
    assert_eq!(rows.len(), OEMS.len());
    for (row, oem) in rows.iter().zip(&OEMS) {
        let flags: Vec<_> = oem
            .flags
            .iter()
            .map(|(flag, value)| if *value == "true" { format!("--{flag}") } else { format!("--{flag}={value}") })
            .collect();
        assert_eq!(*row, [format!("`{}`", oem.name), format!("`{}`", flags.join(" "))]);
    }
}

#[test]
fn the_command_line_knows_the_sources_and_the_platforms() {
    for entry in TABLE {
        assert!(cli::flags().any(|name| name == entry.flag), "--{}", entry.flag);
    }
    let choices: Vec<_> = cli::choices().collect();
    for name in OEMS.iter().map(|oem| oem.name).chain(Format::ALL.map(Format::name)) {
        assert!(choices.contains(&name), "{name}");
    }
    assert_eq!(choices.len(), OEMS.len() + Format::ALL.len());
    for oem in &OEMS {
        for (flag, value) in oem.flags {
            let is_source = TABLE.iter().any(|entry| entry.flag == *flag);
            assert!(is_source || (*flag == "convert-netconf" && Format::named(value).is_some()), "{flag}");
        }
    }
    assert_eq!(oem("gce").unwrap().flags[0].0, "from-gce-metadata");
    assert!(oem("nowhere").is_none());
}

#[test]
fn waits_match_the_page() {
    // The page breaks its lines anywhere.
    let page = page().split_whitespace().collect::<Vec<_>>().join(" ");
    let policy = Policy::default();
    for (text, is_so) in [
        ("again after 100 ms, and then after pauses that double up to 30 s", {
            let look = policy.look;
            look.again && look.first_pause.as_millis() == 100 && look.longest_pause.as_secs() == 30
        }),
        ("One try of a request takes 10 s at most", policy.http.timeout.as_secs() == 10),
        ("the request is retried, up to 15 tries in all", policy.http.tries == 15),
        ("after 100 ms, then after pauses that double up to 5 s", {
            policy.http.first_pause.as_millis() == 100 && policy.http.longest_pause.as_secs() == 5
        }),
        ("A body has 16 MiB at most", policy.http.body_max == 16 << 20),
        ("After 10 s of silence it is sent again, up to 3 tries in all", {
            policy.serial.silence.as_secs() == 10 && policy.serial.tries == 3
        }),
        ("| reading one file of a directory | 30 s |", policy.read.as_secs() == 30),
    ] {
        assert!(page.contains(text), "the page does not say: {text}");
        assert!(is_so, "{text}");
    }
}
