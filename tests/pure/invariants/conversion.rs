//! Conversions to Butane and Ignition: neither program refuses the result, and nothing is missing without a finding.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cloud_config::address_tokens::{Address, Addresses};
use cloud_config::convert::model::{Config, Variant};
use cloud_config::convert::{
    self, Conversion, ConversionFinding, Options, PLATFORMS, StandIns, butane, ignition, strict,
};
use cloud_config::diagnostic::{Finding, Span};
use cloud_config::document;
use cloud_config::plan::Facts;
use cloud_config::run_plan::{Inputs, Machine, Policy, RunPlan};
use cloud_config::user_data;
use cloud_config::yaml::{self, Entry, Kind, Node};
use serde_json::{Value, json};

use super::{secrets, spans};

/// All options of a conversion.
pub fn all_options() -> impl Iterator<Item = Options> {
    let variants = [Variant::Flatcar, Variant::Fcos].into_iter();
    variants.flat_map(|variant| {
        let options = move |ordered: bool| Options { variant, platform: ordered.then_some(&PLATFORMS[0]), ordered };
        [options(false), options(true)]
    })
}

/// Bytes as user-data, converted in all ways.
pub fn check(bytes: &[u8]) {
    let (plan, stand_ins) = planned(bytes);
    for options in all_options() {
        one(&plan, &stand_ins, options);
    }
}

/// The plan of a conversion of `bytes`, and the addresses in it.
pub fn planned(bytes: &[u8]) -> (RunPlan, StandIns) {
    let parts = user_data::split("user-data", bytes.to_vec());
    let read = |part, addresses: &Addresses| document::read(part, addresses, false);
    let (documents, stand_ins) = StandIns::read(&Addresses::default(), &parts, read);
    let facts = |_: &_, name: Option<&str>| Facts { hostname: name.unwrap_or_default().to_owned(), ..Facts::default() };
    let machine = Machine { facts: &facts, has_core: &|| true };
    let inputs = Inputs { documents, ..Inputs::default() };
    (RunPlan::new(inputs, Policy { strict: false, key_set: "coreos-cloudinit" }, &machine), stand_ins)
}

/// A conversion with the given options.
pub fn one(plan: &RunPlan, stand_ins: &StandIns, options: Options) -> Conversion {
    let conversion = convert::convert(plan, stand_ins, options);
    let Conversion { config, findings } = &conversion;
    assert_eq!(strict::faults(config), [""; 0]);
    let again = convert::convert(plan, stand_ins, options);
    assert_eq!((config, format!("{findings:?}")), (&again.config, format!("{:?}", again.findings)));
    for found in findings {
        match found.part.map(|part| &plan.parts[part].document.part.text) {
            Some(text) => spans::finding(text, &found.finding),
            None => spans::one_line(&found.finding),
        }
        assert!(found.part.is_some() || found.finding.span.is_none(), "a place in no part: {:?}", found.finding);
    }
    let mut known = BTreeSet::new();
    for ConversionFinding { part, finding } in findings {
        let span = finding.span.map(|span| (span.start, span.end));
        let is_new = known.insert((part, span, finding.rule.id, &finding.message));
        assert!(is_new, "reported twice at one place: {finding:?}");
    }
    let text = butane::write(config, options.variant, &["a header".to_owned()]);
    assert!(!stand_ins.is_in(&text), "a stand-in is left in\n{text}");
    assert_eq!(text, butane::write(config, options.variant, &["a header".to_owned()]));
    assert_eq!(of_butane(&text), of_ignition(&ignition::value(config)), "{text}");
    assert_eq!(serde_json::from_str::<Value>(&ignition::write(config)).ok(), Some(ignition::value(config)));
    let documents = plan.parts.iter().map(|part| &part.document);
    if documents
        .filter(|document| document.part.text.contains(secrets::CANARY))
        .all(|document| !secrets::is_public(document))
    {
        let words =
            findings.iter().flat_map(|found| std::iter::once(&found.finding.message).chain(&found.finding.help));
        secrets::holds_no_canary(words.chain(notes(config)).cloned().collect());
    }
    conversion
}

/// The comments of a result.
fn notes(config: &Config) -> impl Iterator<Item = &String> {
    let Config { users, files, links, units } = config;
    let of_accounts = users.iter().flat_map(|user| &user.notes);
    let of_files = files.iter().flat_map(|file| &file.notes).chain(links.iter().flat_map(|link| &link.notes));
    of_accounts.chain(of_files).chain(units.iter().flat_map(|unit| &unit.notes))
}

/// The values of a Butane configuration, with contents as bytes and all scalars as text.
fn of_butane(text: &str) -> Value {
    let parsed = yaml::parse(text, |at| at);
    assert!(parsed.error.is_none() && parsed.findings.is_empty(), "{:?} {:?}\n{text}", parsed.error, parsed.findings);
    let mut value = parsed.root.as_deref().map(of_node).unwrap_or_default();
    let root = value.as_object_mut().expect("a mapping");
    assert!(root.remove("variant").is_some() && root.remove("version").is_some());
    each_contents(&mut value, |contents| match contents.get("inline") {
        Some(text) => text.as_str().expect("a text").as_bytes().to_vec(),
        None => decoded(contents["source"].as_str().expect("a URL")),
    });
    value
}

fn of_node(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => json!(&*scalar.text),
        Kind::List(items) => items.iter().map(|item| of_node(item)).collect(),
        Kind::Mapping(mapping) => {
            mapping.entries.iter().map(|entry| (entry.key.to_string(), of_node(&entry.value))).collect()
        }
    }
}

/// The values of an Ignition configuration with the names of Butane, contents as bytes and all scalars as text.
fn of_ignition(value: &Value) -> Value {
    let mut value = renamed(value, "");
    assert_eq!(value.as_object_mut().expect("an object").remove("ignition"), Some(json!({"version": "3.4.0"})));
    each_contents(&mut value, |contents| decoded(contents["source"].as_str().expect("a URL")));
    value
}

fn renamed(value: &Value, key: &str) -> Value {
    let name = |key: &String| {
        key.chars().fold(String::new(), |mut name, c| {
            name.extend(c.is_ascii_uppercase().then_some('_'));
            name.push(c.to_ascii_lowercase());
            name
        })
    };
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| (name(key), renamed(value, key))).collect(),
        Value::Array(items) => items.iter().map(|item| renamed(item, "")).collect(),
        Value::String(text) => json!(text),
        Value::Number(number) if key == "mode" => json!(format!("{:04o}", number.as_u64().expect("a mode"))),
        other => json!(other.to_string()),
    }
}

/// Replaces the contents of files.
fn each_contents(config: &mut Value, bytes: impl Fn(&Value) -> Vec<u8>) {
    let files = config.get_mut("storage").and_then(|storage| storage.get_mut("files"));
    for file in files.and_then(Value::as_array_mut).into_iter().flatten() {
        let contents = bytes(&file["contents"]);
        file["contents"] = json!(contents);
    }
}

/// The bytes of a `data:` URL.
fn decoded(url: &str) -> Vec<u8> {
    if let Some(encoded) = url.strip_prefix("data:;base64,") {
        return BASE64_STANDARD.decode(encoded).expect("base64");
    }
    let mut parts = url.strip_prefix("data:,").expect("a data URL").split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
        bytes.extend(part[2..].bytes());
    }
    bytes
}

/// The values of user-data, by their place in a conversion.
#[derive(Debug, Default)]
pub struct Values {
    /// The number of those in the result.
    pub present: usize,
    /// The number of those with a finding.
    pub covered: usize,
    /// The paths of those with neither.
    pub lost: Vec<String>,
}

/// Looks for every value of the parts in the result and at the places of findings, and adds them to `values`.
pub fn find_values(plan: &RunPlan, conversion: &Conversion, values: &mut Values) {
    let result = all_texts(&conversion.config);
    for (index, part) in plan.parts.iter().enumerate() {
        let root = part.document.parsed.root.as_deref();
        let Some(root) = root.filter(|_| part.is_work() && !part.document.access_only) else { continue };
        let of_part = conversion.findings.iter().filter(|found| found.part == Some(index));
        let findings = of_part.map(|found| &found.finding).chain(&part.plan.findings);
        let is_of_two = |message: &str| {
            ["an earlier item writes", "several commands", "other items"].iter().any(|words| message.contains(words))
        };
        let duplicates = findings.clone().filter(|found| found.rule.id.starts_with("duplicate"));
        let all = conversion.findings.iter().map(|found| &found.finding);
        if duplicates.chain(all.filter(|found| is_of_two(&found.message))).next().is_some() {
            // The finding is at one of the two places.
            continue;
        }
        let masks: Vec<_> = findings.clone().filter(|found| found.rule.id == "masked-unit").collect();
        let messages: Vec<_> = findings.clone().map(|finding| finding.message.as_str()).collect();
        let places = findings.filter_map(|finding| finding.span);
        let places: Vec<_> = places.chain(part.plan.refused.iter().filter_map(|refused| refused.span)).collect();
        let mut leaves = Vec::new();
        leaves_of(root, &mut Vec::new(), &mut leaves);
        for Leaf { path, node, text, siblings, keys, mask } in leaves {
            let contains = |span: &Span| span.start <= node.span.start && node.span.end <= span.end;
            let is_here = || places.iter().any(|span| contains(span) || keys.contains(span));
            // A finding is at the rest of an item that it names.
            let is_named = || {
                matches!(path.last().map(String::as_str), Some("name" | "path"))
                    && messages.iter().any(|message| message.contains(&text))
            };
            // The finding about the drop-ins of a masked unit is at its mask.
            let is_masked = || {
                let is_of_drop_ins = |found: &&Finding| found.span == mask && found.message.contains("drop-ins");
                mask.is_some() && masks.iter().any(is_of_drop_ins)
            };
            if is_in(&result, &path, &text, &siblings) {
                values.present += 1;
            } else if is_here() || is_named() || is_masked() {
                values.covered += 1;
            } else {
                values.lost.push(path.join("."));
            }
        }
    }
}

/// A value of a document.
struct Leaf<'n> {
    path: Vec<String>,
    node: &'n Node,
    text: String,
    /// The other values of its mapping.
    siblings: BTreeMap<String, String>,
    /// The places of the keys above it.
    keys: Vec<Span>,
    /// The place of the mask of the unit whose drop-ins it is in.
    mask: Option<Span>,
}

fn leaves_of<'n>(node: &'n Node, path: &mut Vec<String>, leaves: &mut Vec<Leaf<'n>>) {
    match &node.kind {
        Kind::Scalar(scalar) => {
            leaves.push(Leaf {
                path: path.clone(),
                node,
                text: scalar.text.to_string(),
                siblings: BTreeMap::new(),
                keys: Vec::new(),
                mask: None,
            });
        }
        Kind::List(items) => items.iter().for_each(|item| leaves_of(item, path, leaves)),
        Kind::Mapping(mapping) => {
            let text = |entry: &Entry| match &entry.value.kind {
                Kind::Scalar(scalar) => scalar.text.to_string(),
                _ => contents_of(&entry.value),
            };
            let siblings: BTreeMap<_, _> =
                mapping.entries.iter().map(|entry| (entry.name().into_owned(), text(entry))).collect();
            for entry in &mapping.entries {
                path.push(entry.name().into_owned());
                let first = leaves.len();
                leaves_of(&entry.value, path, leaves);
                leaves[first..].iter_mut().for_each(|leaf| leaf.keys.push(entry.key_span));
                if entry.name() == "drop_ins" {
                    let mask = node.get("mask").map(|mask| mask.span);
                    leaves[first..].iter_mut().for_each(|leaf| leaf.mask = mask);
                }
                for leaf in leaves[first..].iter_mut().filter(|leaf| leaf.path.len() == path.len()) {
                    leaf.siblings.clone_from(&siblings);
                }
                path.pop();
            }
        }
    }
}

/// The values of all keys `content` below a node, but for items without a name, which are not written.
fn contents_of(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(_) => String::new(),
        Kind::List(items) => items.iter().map(|item| contents_of(item)).collect(),
        Kind::Mapping(_) if node.get("name").and_then(Node::text).is_none_or(str::is_empty) => String::new(),
        Kind::Mapping(mapping) => {
            let contents = mapping.entries.iter().map(|entry| match &entry.value.kind {
                Kind::Scalar(scalar) if &*entry.key == "content" => scalar.text.to_string(),
                _ => contents_of(&entry.value),
            });
            contents.collect()
        }
    }
}

/// All texts of a result, those that belong together in one.
fn all_texts(config: &Config) -> Vec<String> {
    let mut texts = Vec::new();
    let ignition = ignition::value(config);
    for (kind, list) in [("passwd", "users"), ("storage", "files"), ("storage", "links"), ("systemd", "units")] {
        for entry in ignition[kind][list].as_array().into_iter().flatten() {
            let mut text = String::new();
            strings(entry, &mut text);
            if list == "files" {
                let mode = entry["mode"].as_u64().expect("a mode");
                let contents = decoded(entry["contents"]["source"].as_str().expect("a URL"));
                text.extend([format!("{mode:04o}\n"), String::from_utf8_lossy(&contents).into_owned()]);
            }
            texts.push(text);
        }
    }
    texts
}

fn strings(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            text.push_str(key);
            strings(value, text);
        }),
        Value::Array(items) => items.iter().for_each(|item| strings(item, text)),
        Value::String(value) => text.extend(["\n", value, "\n"]),
        other => text.extend(["=", &other.to_string(), "\n"]),
    }
}

/// Returns true if the result has the meaning of a value.
fn is_in(result: &[String], path: &[String], text: &str, siblings: &BTreeMap<String, String>) -> bool {
    let key = path.last().map_or("", String::as_str);
    let of = |sibling: &str| siblings.get(sibling).map_or("", String::as_str);
    let has = |words: &[&str]| result.iter().any(|entry| words.iter().all(|word| entry.contains(word)));
    let is_yes = |text: &str| ["true", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_true = is_yes(text);
    let is_section = |name: &str| path.len() > 1 && path[path.len() - 2] == name;
    match key {
        _ if text.trim().is_empty() => true,
        // A mask leaves nothing of the rest.
        _ if is_section("units") && is_yes(of("mask")) && key != "name" && key != "mask" => true,
        // A run writes the file only with a valid `id`.
        _ if is_section("oem") && (of("id").is_empty() || of("id").contains(char::is_control)) => true,
        // A finding names the fields that an existing user does not get.
        _ if is_section("users") && matches!(of("name"), "core" | "root") && !is_of_existing_user(key) => true,
        // Nothing of the unit is written.
        "runtime" | "enable" | "name"
            if is_section("units") && [of("content"), of("drop_ins"), of("command")].concat().trim().is_empty() =>
        {
            true
        }
        "runtime" if is_section("units") && !of("name").contains('.') => true,
        // It is about files and links, of which neither a command nor a unit that is not in the result has any.
        "runtime" if is_section("units") => {
            let has_files =
                is_yes(of("enable")) || !(of("content").trim().is_empty() && of("drop_ins").trim().is_empty());
            !(is_true && has_files && has(&[of("name")]))
        }
        // networkd and udev read all files.
        "enable" if [".network", ".netdev", ".link"].iter().any(|suffix| of("name").ends_with(suffix)) => true,
        "enable" if is_section("units") => {
            !is_true || has(&[of("name"), "enabled=true"]) || has(&[of("name"), ".wants/"])
        }
        "mask" if is_section("units") => !is_true || has(&[of("name"), "mask=true"]) || has(&[of("name"), "/dev/null"]),
        "command" if is_section("units") => {
            has(&["systemctl", &format!(" {text} "), of("name").split(['$', '%', '\\']).next().unwrap_or_default()])
                || (text == "stop" && has(&[of("name"), "mask=true"]))
        }
        "system" | "no_create_home" | "no_user_group" | "no_log_init" if is_section("users") => {
            let json = key.replace("_c", "C").replace("_h", "H").replace("_u", "U").replace("_g", "G");
            let json = json.replace("_l", "L").replace("_i", "I");
            !is_true || has(&[of("name"), &format!("{json}=true")])
        }
        "permissions" => u32::from_str_radix(text.trim_start_matches("0o"), 8)
            .is_ok_and(|mode| has(&[file_name(of("path")), &format!("{mode:04o}")])),
        // A run adds to the file, and writes it as one of root.
        "owner" if file_name(of("path")) == "hosts" => true,
        "owner" => text.split(':').all(|name| matches!(name, "" | "root") || has(&[name])),
        // Its content is in the result, decoded.
        "encoding" => true,
        "content" if !matches!(of("encoding"), "") => true,
        // Without anything else, there is nothing to do.
        "name" if siblings.len() == 1 => true,
        "path" => has(&[file_name(text)]),
        _ => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('['));
            let pieces: Vec<_> = lines
                .flat_map(|line| line.split(['$', '"', '\\']))
                .map(|piece| Address::ALL.iter().find_map(|kind| piece.strip_prefix(kind.token())).unwrap_or(piece))
                .collect();
            result.iter().any(|entry| pieces.iter().all(|piece| entry.contains(piece)))
        }
    }
}

/// Returns true for the fields that an existing user gets.
fn is_of_existing_user(key: &str) -> bool {
    matches!(key, "name" | "passwd" | "ssh_authorized_keys") || key.starts_with("coreos_")
}

/// The last part of a path, which stays as it is when the path is cleaned.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
