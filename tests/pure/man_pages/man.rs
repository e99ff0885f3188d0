//! The man pages.

use std::fmt::Write as _;

use clap::Arg;
use cloud_config::address_tokens::Address;
use roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

/// The date of the last review of the pages.
const DATE: &str = "2026-11-23";

/// `coreos-cloudinit(8)`, of the command line.
pub fn program() -> String {
    let command = cloudinit::cli::help_command();
    let mut page = Roff::new();
    title(&mut page, "COREOS-CLOUDINIT", "8", "System Administration");
    heading(&mut page, "NAME");
    page.text([roman("coreos-cloudinit - apply legacy cloud-config to a machine")]);
    heading(&mut page, "SYNOPSIS");
    synopsis(&mut page);
    heading(&mut page, "DESCRIPTION");
    paragraphs(
        &mut page,
        "Reads user-data from a source and applies it: files, users, SSH keys, the host name and systemd units. If \
         several sources are given, the first available one is used. User-data is a cloud-config (see \
         `cloud-config(5)`), a script, or a multipart archive of both. It may be compressed with gzip.\n\
         The units of an image run the program at each boot. Items that are already up to date are not changed. \
         Invalid items and steps that fail are reported; they and their dependents are skipped, and everything else \
         is applied. The host name and SSH keys are applied first.\n\
         Flags take one or two dashes, and `=` or a space before the value.",
    );
    heading(&mut page, "OPTIONS");
    let mut group = None;
    for argument in command.get_arguments() {
        if group != argument.get_help_heading() {
            group = argument.get_help_heading();
            page.control("SS", [group.unwrap_or("Help")]);
        }
        option(&mut page, argument);
    }
    heading(&mut page, "EXIT STATUS");
    entry(&mut page, &[bold("0")], "Success. With `--validate`, there are no errors and no warnings.");
    entry(
        &mut page,
        &[bold("1")],
        "There were errors: an item or a key was not applied, a step failed, or its dependency failed. The log has \
         each of them; everything else was applied. With `--validate`, there are errors or warnings.",
    );
    entry(&mut page, &[bold("2")], "Invalid command line; nothing was applied.");
    entry(&mut page, &[bold("3")], "With `--dry-run --exit-code`: a run would change something.");
    heading(&mut page, "ENVIRONMENT");
    for address in Address::ALL {
        let text = format!("Replaces `${}` in user-data if the platform does not provide it.", address.token());
        entry(&mut page, &[bold(address.variable())], &text);
    }
    for (variables, text) in [
        (
            "http_proxy, https_proxy, all_proxy, no_proxy",
            "The proxy for URLs of the user. Metadata services do not use it.",
        ),
        ("NO_COLOR", "Disables colors if it has a value."),
    ] {
        entry(&mut page, &[bold(variables)], text);
    }
    heading(&mut page, "FILES");
    for (file, text) in [
        (
            "/usr/share/oem/cloud-config.yml, /usr/share/coreos/cloud-config.yml",
            "The cloud-config of the image. It is applied first at every boot.",
        ),
        (
            "/var/lib/coreos-install/user_data, /var/lib/flatcar-install/user_data",
            "The user-data of the user. It is applied at every boot, after that of the image.",
        ),
        (
            "/etc/environment",
            "Read by the units for the variables above. The addresses of the platform are written to it.",
        ),
        ("/run/coreos-cloudinit/", "The records of the runs since boot, printed by `--status`."),
        ("/run/coreos-cloudinit/env/", "Secret options of services, in one file per unit that only root can read."),
        ("/var/lib/coreos-cloudinit/scripts/", "Scripts from user-data."),
        ("~/.ssh/authorized_keys.d/", "The sets of SSH keys that `authorized_keys` combines."),
    ] {
        entry(&mut page, &[italic(file)], text);
    }
    heading(&mut page, "EXAMPLES");
    for (line, text) in [
        ("coreos-cloudinit --from-file=x.yml --validate", "Check a file. Needs no root privileges."),
        ("coreos-cloudinit --from-file=x.yml --dry-run", "Print what it would change on this machine."),
        ("coreos-cloudinit --from-file=x.yml", "Apply it."),
        ("coreos-cloudinit --status", "Print the results of the runs since boot."),
        ("journalctl -t coreos-cloudinit -b -p warning", "Print the warnings and errors since boot."),
    ] {
        entry(&mut page, &[bold(line)], text);
    }
    see_also(&mut page, "cloud-config(5), systemd.unit(5), systemctl(1), journalctl(1), useradd(8)");
    page.to_roff()
}

/// The forms of the command line.
fn synopsis(page: &mut Roff) {
    page.text([
        bold("coreos-cloudinit"),
        roman(" ["),
        italic("FLAGS"),
        roman("] "),
        bold("--from-"),
        italic("SOURCE"),
        roman("..."),
    ]);
    page.control("br", []);
    page.text([bold("coreos-cloudinit --status"), roman(" | "), bold("--schema"), roman(" | "), bold("--version")]);
    page.control("br", []);
    page.text([bold("coreos-cloudinit --explain"), roman("="), italic("RULE")]);
    page.control("br", []);
    page.text([
        bold("coreos-cloudinit --convert-to"),
        roman("="),
        italic("FORMAT"),
        roman(" "),
        bold("--from-"),
        italic("SOURCE"),
        roman("..."),
    ]);
}

/// `cloud-config(5)`, of the types of a cloud-config.
pub fn cloud_config() -> String {
    let schema: Value = serde_json::from_str(&cloud_config::json_schema::text()).expect("it is JSON");
    let mut page = Roff::new();
    title(&mut page, "CLOUD-CONFIG", "5", "File Formats");
    heading(&mut page, "NAME");
    page.text([roman("cloud-config - configuration file of coreos-cloudinit")]);
    heading(&mut page, "DESCRIPTION");
    paragraphs(
        &mut page,
        "A cloud-config is a YAML document whose first line is `#cloud-config`. Keys may be written with dashes or \
         underscores. Unknown keys are reported and ignored. Invalid items are reported; they and their dependents are \
         skipped.\n\
         The tokens `$private_ipv4`, `$private_ipv6`, `$public_ipv4` and `$public_ipv6` are replaced by the addresses of \
         the machine, anywhere in the document. A backslash before a token prevents that.",
    );
    mapping(&mut page, &schema, &schema, "");
    heading(&mut page, "EXAMPLE");
    page.control("EX", []);
    for line in [
        "#cloud-config",
        "hostname: web-1",
        "ssh_authorized_keys:",
        "  - ssh-ed25519 AAAA... core@example.com",
        "write_files:",
        "  - path: /etc/motd",
        "    content: |",
        "      Made by a cloud-config.",
        "coreos:",
        "  units:",
        "    - name: hello.service",
        "      command: start",
        "      content: |",
        "        [Service]",
        "        ExecStart=/bin/echo hello",
    ] {
        page.text([roman(line)]);
    }
    page.control("EE", []);
    see_also(&mut page, "coreos-cloudinit(8), systemd.unit(5)");
    page.to_roff()
}

/// The keys of a mapping, and then those of the mappings in it.
fn mapping(page: &mut Roff, schema: &Value, node: &Value, path: &str) {
    heading(page, if path.is_empty() { "KEYS" } else { path });
    let mut inner = Vec::new();
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        let (value, list) = resolved(schema, property);
        let mut text =
            property["description"].as_str().or(value["description"].as_str()).unwrap_or_default().to_owned();
        let words: Vec<_> = value["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).map(|word| format!("`{word}`")).collect();
        if !words.is_empty() {
            let kind = if words.len() == 1 { "Only" } else { "One of" };
            let _ = write!(text, " {kind} {}.", words.join(", "));
        }
        if value["properties"].is_object() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let _ =
                write!(text, " {} under `{path}` below.", if list { "A list; its keys are" } else { "Its keys are" });
            inner.push((path, value));
        }
        entry(page, &[bold(name.as_str())], text.trim());
    }
    for (path, value) in inner {
        mapping(page, schema, value, &path);
    }
}

/// Returns the schema of a property, or of the items of its list.
fn resolved<'a>(schema: &'a Value, property: &'a Value) -> (&'a Value, bool) {
    let follow = |node: &'a Value| {
        let name = node["$ref"].as_str();
        name.and_then(|name| schema.pointer(name.trim_start_matches('#'))).unwrap_or(node)
    };
    let value = follow(property);
    if value["items"].is_object() { (follow(&value["items"]), true) } else { (value, false) }
}

fn title(page: &mut Roff, name: &str, section: &str, book: &str) {
    page.control("TH", [name, section, DATE, concat!("coreos-cloudinit ", env!("CARGO_PKG_VERSION")), book]);
    // Text is not stretched: it is read in terminals.
    page.control("ad", ["l"]);
    page.control("nh", []);
}

fn heading(page: &mut Roff, text: &str) {
    page.control("SH", [text]);
}

fn option(page: &mut Roff, argument: &Arg) {
    let mut name = Vec::new();
    if let Some(short) = argument.get_short() {
        name.push(bold(format!("-{short}")));
    }
    if let Some(long) = argument.get_long() {
        if !name.is_empty() {
            name.push(roman(", "));
        }
        name.push(bold(format!("--{long}")));
    }
    if let Some(value) =
        argument.get_value_names().and_then(<[_]>::first).filter(|_| argument.get_action().takes_values())
    {
        name.extend([roman("="), italic(value.as_str())]);
    }
    let text = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    // The short help is the first line of the long one, without a period.
    let text = if text.contains("\n\n") { text.replacen("\n\n", ". ", 1) } else { format!("{text}.") };
    entry(page, &name, &text);
}

fn entry(page: &mut Roff, name: &[Inline], text: &str) {
    page.control("TP", []);
    page.text(name.to_vec());
    page.text(inlines(text));
}

fn paragraphs(page: &mut Roff, text: &str) {
    for (number, paragraph) in text.lines().enumerate() {
        if number > 0 {
            page.control("PP", []);
        }
        page.text(inlines(paragraph));
    }
}

fn see_also(page: &mut Roff, text: &str) {
    heading(page, "SEE ALSO");
    page.text([roman(text)]);
    page.control("PP", []);
    page.text([roman("The pages in "), italic("/usr/share/doc/coreos-cloudinit/")]);
}

/// Formats text; parts between backticks are bold.
fn inlines(text: &str) -> Vec<Inline> {
    let piece =
        |(number, piece): (usize, &str)| if number % 2 == 1 { bold(piece.to_owned()) } else { roman(piece.to_owned()) };
    // An old groff supports ASCII letters only.
    let text = text.replace('…', "...");
    text.split('`').enumerate().map(piece).collect()
}
