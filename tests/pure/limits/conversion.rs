//! Conversions of long lists: the time grows with the number of items and no faster.

use std::fmt::Write as _;
use std::time::Duration;

use cloud_config::convert::{self, butane, ignition};

use super::cost;
use crate::invariants::conversion;

/// Two numbers of items, and the largest ratio between the times that they take.
const FEW: usize = 250;
const FACTOR: usize = 8;
/// Linear would be `FACTOR`, a square its square; processor times of equal work differ by less than half.
const MOST: u32 = 2 * 8;
/// Less is not worth measuring.
const NOISE: Duration = Duration::from_millis(30);

/// Makes the item of a number.
type Item = fn(usize) -> String;

/// The sections with a long list: what is before it, and an item.
const LISTS: &[(&str, &str, Item)] = &[
    ("files", "write_files:", |i| format!("{{path: /srv/a{i}/b, content: text}}")),
    ("deep files", "write_files:", |i| format!("{{path: /srv{}/{i}, content: text}}", "/a".repeat(50))),
    ("templates", "write_files:", |i| format!("{{path: /srv/a{i}, content: $private_ipv4}}")),
    ("copies", "write_files:", |i| format!("{{path: /run/a{i}, content: text}}")),
    ("modes", "write_files:", |i| format!("{{path: /srv/a{i}, permissions: '4755'}}")),
    ("owners", "write_files:", |i| format!("{{path: /srv/a{i}, owner: 'a{i}:b{i}'}}")),
    ("users", "users:", |i| format!("{{name: u{i}, groups: [sudo, g{i}], passwd: x}}")),
    ("imports", "users:", |i| format!("{{name: u{i}, coreos_ssh_import_github: a}}")),
    ("units", "coreos: {units: [", |i| {
        format!("{{name: u{i}.service, command: start, content: \"[Service]\\nUser=a\"}},")
    }),
    ("units of the image", "coreos: {units: [", |i| format!("{{name: u{i}.service, command: start}},")),
    ("masks", "coreos: {units: [", |i| format!("{{name: u{i}.{}, mask: true}},", ["service", "link"][i % 2])),
    ("drop-ins", "coreos: {units: [{name: a.service, drop_ins: [", |i| {
        format!("{{name: {i}.conf, content: \"[Service]\\nEnvironment=A{i}=$private_ipv4\"}},")
    }),
];

fn document(head: &str, count: usize, item: Item) -> String {
    let end: String = head
        .chars()
        .rev()
        .filter_map(|c| ['[', '{'].iter().position(|open| *open == c))
        .map(|at| ["]", "}"][at])
        .collect();
    let mut text = format!("#cloud-config\n{head}\n");
    for index in 0..count {
        let dash = if end.is_empty() { "- " } else { "  " };
        let _ = writeln!(text, "{dash}{}", item(index));
    }
    text + &end + "\n"
}

/// Units that name files which are written at boot.
fn readers(count: usize) -> String {
    let files = document("write_files:", count, |i| format!("{{path: /srv/a{i}, content: $private_ipv4}}"));
    let units = (0..count).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "  - {{name: u{i}.service, content: \"[Service]\\nExecStart=/a /srv/a{i}\"}}");
        text
    });
    format!("{files}coreos:\n  units:\n{units}")
}

/// The processor time of the conversions of a document.
fn time(text: &str) -> Duration {
    let (plan, stand_ins) = conversion::planned(text.as_bytes());
    let convert = || {
        for options in conversion::all_options() {
            let result = convert::convert(&plan, &stand_ins, options);
            let written = butane::write(&result.config, options.variant, &[]) + &ignition::write(&result.config);
            assert!(written.len() + result.findings.len() > 10_000, "{} bytes of\n{text:.300}", written.len());
        }
    };
    cost(convert).0
}

#[test]
fn the_time_of_a_conversion_grows_with_its_items_and_no_faster() {
    let lists = LISTS.iter().map(|(name, head, item)| {
        let make: Box<dyn Fn(usize) -> String> = Box::new(|count| document(head, count, *item));
        (*name, make)
    });
    let readers: (_, Box<dyn Fn(usize) -> String>) = ("readers of templates", Box::new(readers));
    for (name, make) in lists.chain([readers]) {
        let (few, many) = (make(FEW), make(FEW * FACTOR));
        let mut times = (Duration::ZERO, Duration::ZERO);
        // Other work on this machine can only make it longer.
        let is_linear = (0..3).any(|_| {
            times = (time(&few), time(&many));
            times.1 < times.0 * MOST + NOISE
        });
        println!("{name}: {times:?}");
        assert!(is_linear, "{name}: {:?} for {FEW} items, {:?} for {FACTOR} times as many", times.0, times.1);
    }
}
