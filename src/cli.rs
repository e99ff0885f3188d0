//! The command line, in the reference's flag syntax (docs/command-line.md).
//!
//! `flags::table` declares every flag, including those of the table of sources. The parser, the help, the man page,
//! the completions and the tables of docs/command-line.md are generated from it.

mod conversion;
mod flags;
mod messages;
mod normalize;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use regex::Regex;

use cloud_config::convert::PLATFORMS;
use cloud_config::network::Format as NetworkFormat;
use cloud_config::print::Secrets;
use cloud_config::run_plan::Policy;
use cloud_config::text::printable;

use crate::explain;
use crate::http::{BadUrl, Url};
use crate::source::{self, Candidate, Entry, OEMS, TABLE};
pub use conversion::{Conversion, Target};
use flags::{Flag, FlagGroup, table};
use messages::{empty_value_message, list, quoted, unknown_rule, unknown_value};

/// The JSON Schema of a cloud-config. It is generated from the types of the library, in tests, since the generator would
/// be part of the program.
const SCHEMA: &str = include_str!("../docs/cloud-config.schema.json");

/// The message for an invalid command line; the exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage(pub String);

/// The action that the command line requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Print this text to standard output and stop.
    Print(String),
    /// Print the records of the last runs.
    Status(Format),
    /// Run.
    Run(Box<Options>),
}

/// The kind of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Apply the configuration.
    Apply,
    /// Print the steps and change nothing.
    DryRun,
    /// Check the configuration and change nothing.
    Validate,
    /// Print the parsed configuration and change nothing.
    PrintConfig,
    /// Print the configuration in the format of another program and change nothing.
    Convert,
}

/// The output format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
}

/// The values of the flags that select a source, by the name of the flag; a switch has an empty value.
#[derive(Clone, PartialEq, Eq)]
pub struct SelectedSources(BTreeMap<&'static str, OsString>);

impl SelectedSources {
    /// Creates the sources that the flags select, in the order of the table.
    pub fn candidates(&self) -> Vec<Candidate> {
        source::candidates(|flag| self.0.get(flag).cloned())
    }
}

impl fmt::Debug for SelectedSources {
    /// Prints only the names of the flags: the value can be a URL with credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The parsed command line of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Options {
    /// The action.
    pub mode: Mode,
    /// The options of [`Mode::Convert`].
    pub conversion: Option<Conversion>,
    /// The candidate sources of the user-data.
    pub sources: SelectedSources,
    /// Request metadata services on machines of other platforms, too.
    pub ignore_platform: bool,
    /// The format of the network description that is converted to networkd files.
    pub network: Option<NetworkFormat>,
    /// The directory to apply to; `/` is the machine itself.
    pub root: PathBuf,
    /// The value of `--root`, if it is given.
    pub given_root: Option<PathBuf>,
    /// The directory of scripts, below the root.
    pub workspace: PathBuf,
    /// The name of the set of SSH keys.
    pub key_set: String,
    /// Exit with code 0 even if a run fails.
    pub ignore_failure: bool,
    /// Reject a part as a whole if any item of it cannot be applied.
    pub strict: bool,
    /// The format in which the plan is printed.
    pub format: Format,
    /// The longest wait for one unit job.
    pub job_timeout: Duration,
    /// The time limit of the whole run.
    pub deadline: Duration,
    /// Cut host names at the first dot.
    pub short_hostname: bool,
    /// The treatment of secrets in the printed configuration.
    pub secrets: Secrets,
    /// Print the changed lines of files even if standard output is no terminal.
    pub show_diff: bool,
    /// True if the exit code of [`Mode::DryRun`] reports changes.
    pub exit_code: bool,
    /// The verbosity of the log: -1, 0 or 1.
    pub verbosity: i8,
}

impl Options {
    /// Returns the options that change the plan of a run.
    pub fn policy(&self) -> Policy<'_> {
        Policy { strict: self.strict, key_set: &self.key_set }
    }

    /// Returns true if the run changes the running system, not only a tree.
    pub fn changes_this_machine(&self) -> bool {
        self.mode == Mode::Apply && self.root == Path::new("/")
    }
}

/// The width of lines when the width of the terminal is unknown.
const COLUMNS: usize = 80;

const WORKSPACE: &str = "/var/lib/coreos-cloudinit";
const KEY_SET: &str = "coreos-cloudinit";

/// Reads the command line, without the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Usage> {
    // The message quotes the arguments, and their control characters must not reach the terminal.
    let shown = |text: String| without_addresses(&text).split('\n').map(printable).collect::<Vec<_>>().join("\n");
    parse_all(arguments).map_err(|Usage(text)| Usage(shown(text)))
}

/// Returns `text` without any URL, since a URL can contain credentials.
fn without_addresses(text: &str) -> String {
    static ADDRESS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[A-Za-z][A-Za-z0-9+.-]*://[^\n]*").expect("a constant pattern"));
    ADDRESS.replace_all(text, "a redacted URL").into_owned()
}

fn parse_all(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Usage> {
    let mut command = command(Purpose::Parse);
    let arguments = normalize::normalize(arguments);
    let short = !arguments.iter().any(|argument| argument == "--help");
    let empty = empty_value(&arguments);
    let matches = match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::UnknownArgument => return Err(unknown_argument(&error)),
        Err(error) if error.use_stderr() => return Err(Usage(error.to_string())),
        Err(_) => return Ok(Invocation::Print(if short { short_help() } else { help() })),
    };
    if matches.get_flag("version") {
        return Ok(Invocation::Print(format!("coreos-cloudinit {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let request = match empty {
        // A variable that is not set must not select the default: `--root "$TREE"` would change this machine.
        Some(flag) => Err(empty_value_message(&flag)),
        None => request(&matches),
    };
    request.map_err(|message| Usage(format!("error: {message}\n\n{MORE}")))
}

/// The first flag among normalized `arguments` that takes a value and has an empty one.
fn empty_value(arguments: &[OsString]) -> Option<Flag> {
    let flags = |argument: &OsString| {
        let name = argument.to_str()?.strip_prefix("--")?.strip_suffix('=')?;
        table().find(|flag| flag.name == name && flag.value.is_some())
    };
    arguments.iter().find_map(flags)
}

/// The forms of the command line.
const USAGE: &str = "coreos-cloudinit [FLAGS] --from-SOURCE…
       coreos-cloudinit --explain=RULE | --schema | --status | --version";

/// The last line of a message.
const MORE: &str = "For more information, try '--help'.\n";

/// Returns the message for an argument that is not a flag, with a tip: a similar flag, or the flag for user-data.
fn unknown_argument(error: &clap::Error) -> Usage {
    let text = error.to_string();
    let mut problem = text.split("\n\nUsage:").next().unwrap_or_default();
    let tip = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if word.starts_with('-') => String::new(),
        Some(ContextValue::String(word)) if word.contains("://") => {
            problem = "error: unexpected argument: a redacted URL";
            "\n\n  tip: to fetch user-data, use --from-url=URL".to_owned()
        }
        Some(ContextValue::String(word)) => {
            format!("\n\n  tip: to read user-data from a file, use --from-file={word}")
        }
        _ => String::new(),
    };
    Usage(format!("{problem}{tip}\n\n{MORE}"))
}

/// Every flag by its long name.
pub fn flags() -> impl Iterator<Item = &'static str> {
    table().map(|flag| flag.name).chain(["version", "help"])
}

/// The platforms of `--oem`, and the formats of `--convert-netconf`.
pub fn choices() -> impl Iterator<Item = &'static str> {
    platforms().chain(formats())
}

fn platforms() -> impl Iterator<Item = &'static str> {
    OEMS.iter().map(|oem| oem.name)
}

/// The formats of `--convert-netconf`.
pub fn formats() -> impl Iterator<Item = &'static str> {
    NetworkFormat::ALL.into_iter().map(NetworkFormat::name)
}

/// The long help, as `--help` prints it.
pub fn help() -> String {
    trimmed(&command(Purpose::Show).render_long_help().to_string())
}

/// The flags with a line for each, as `-h` prints them.
pub fn short_help() -> String {
    trimmed(&command(Purpose::Show).render_help().to_string())
}

/// Removes the padding at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

/// The purpose that the flags are declared for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To parse a command line: a switch may have a value.
    Parse,
    /// To print the help: a switch has no value.
    Show,
}

/// The command line as `--help`, the man page and completions show it.
pub fn help_command() -> Command {
    command(Purpose::Show)
}

fn command(purpose: Purpose) -> Command {
    let mut command = Command::new("coreos-cloudinit")
        .about("Apply legacy cloud-config: files, users, SSH keys, host name, units")
        .override_usage(USAGE)
        .after_help(format!(
            "Platforms for --oem:{}\nPlatforms for --platform:{}\nFormats for --convert-netconf:{}\nFlags take one or two dashes, and = or a space \
             before the value.\nExit codes: 0 success, 1 failure or problems found, 2 invalid command line, 3 changes found (--exit-code).",
            wrapped(platforms()),
            wrapped(PLATFORMS.iter().map(|platform| platform.name)),
            wrapped(formats()),
        ))
        .term_width(COLUMNS)
        .args_override_self(true)
        .disable_version_flag(true)
        .disable_help_flag(true);
    for flag in table() {
        let arg = Arg::new(flag.name).long(flag.name).help(flag.help).help_heading(flag.group.heading());
        let arg = if flag.more.is_empty() { arg } else { arg.long_help(format!("{}\n\n{}", flag.help, flag.more)) };
        command = command.arg(match flag.value {
            Some(value) => {
                let action = if flag.name == "addresses" { ArgAction::Append } else { ArgAction::Set };
                arg.value_name(value).value_parser(clap::value_parser!(OsString)).action(action)
            }
            None if purpose == Purpose::Show => arg.action(ArgAction::SetTrue),
            None => arg
                .value_name("true|false")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(parse_switch),
        });
    }
    let count = || if purpose == Purpose::Show { ArgAction::SetTrue } else { ArgAction::Count };
    let output = |name| Arg::new(name).help_heading(FlagGroup::Output.heading());
    command
        .arg(output("verbose").short('v').action(count()).help("Log unchanged steps, and more details"))
        .arg(output("quiet").short('q').action(count()).help("Log only warnings and errors"))
        .arg(output("version").long("version").action(ArgAction::SetTrue).help("Print the version"))
        .arg(
            output("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help("Print the help (-h: one line per flag)"),
        )
}

/// The value of a switch.
fn parse_switch(text: &str) -> Result<bool, &'static str> {
    // All other spellings are normalized to these.
    text.parse().map_err(|_| "a switch takes true, t, 1, false, f or 0")
}

/// Formats words for the help in aligned columns.
fn wrapped(words: impl Iterator<Item = &'static str>) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let last = lines.last_mut().map_or(0, |line| line.len());
        if last + word.len() > 70 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            let comma = if line.is_empty() { "" } else { ", " };
            line.push_str(comma);
            line.push_str(word);
        }
    }
    let text = lines.join(",\n  ");
    if lines.len() > 1 { format!("\n  {text}") } else { format!(" {text}") }
}

/// Rejects two flags that select what the program does, and a switch without the flag that it belongs to.
fn check_modes(matches: &ArgMatches) -> Result<(), String> {
    for (switch, mode) in [("show-diff", "dry-run"), ("exit-code", "dry-run"), ("show-secrets", "print-config")] {
        if is_set(matches, switch) && !is_set(matches, mode) {
            return Err(format!("--{switch} takes effect only with --{mode}"));
        }
    }
    let valued = ["convert-to", "explain"].into_iter().filter(|flag| text(matches, flag).is_some());
    let switches = ["validate", "dry-run", "print-config", "schema", "status"];
    let mut modes = valued.chain(switches.into_iter().filter(|flag| is_set(matches, flag)));
    match (modes.next(), modes.next()) {
        (Some(first), Some(second)) => Err(format!("--{first} and --{second} exclude each other")),
        _ => Ok(()),
    }
}

fn request(matches: &ArgMatches) -> Result<Invocation, String> {
    let platform = match choice(matches, "oem", "platform", platforms())? {
        Some(name) => source::oem(&name).map_or(&[][..], |oem| oem.flags),
        None => &[],
    };
    // The values of a platform override the same flags on the command line.
    let set = |name: &str| platform.iter().find(|(flag, _)| *flag == name).map(|(_, value)| OsString::from(value));
    let network = choice(matches, "convert-netconf", "format", formats())?;
    let network = set("convert-netconf").and_then(|value| value.into_string().ok()).or(network);
    let format = match text(matches, "format").as_deref() {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(other) => return Err(unknown_value("format", other, "format", &["text", "json"])),
    };
    check_modes(matches)?;
    if is_set(matches, "schema") {
        return Ok(Invocation::Print(SCHEMA.to_owned()));
    }
    if let Some(rule) = text(matches, "explain") {
        return explain::rule(explain::id(&rule)).map(Invocation::Print).ok_or_else(|| unknown_rule(&rule));
    }
    if is_set(matches, "status") {
        if text(matches, "root").is_some() {
            return Err("--status prints the runs of this machine and takes no --root".to_owned());
        }
        return Ok(Invocation::Status(format));
    }
    let conversion = Conversion::requested(matches)?;
    let mode = if conversion.is_some() {
        Mode::Convert
    } else if is_set(matches, "validate") {
        Mode::Validate
    } else if is_set(matches, "dry-run") {
        Mode::DryRun
    } else if is_set(matches, "print-config") {
        Mode::PrintConfig
    } else {
        Mode::Apply
    };
    if format == Format::Json && mode == Mode::Apply {
        return Err(
            "--format=json takes effect only with --validate, --dry-run, --print-config, --convert-to or --status"
                .to_owned(),
        );
    }
    let given = |entry: &Entry| match entry.value {
        Some(_) => path(matches, entry.flag).map(PathBuf::into_os_string),
        None => is_set(matches, entry.flag).then(OsString::new),
    };
    let named = TABLE.iter().filter_map(|entry| Some((entry.flag, set(entry.flag).or_else(|| given(entry))?)));
    let named = SelectedSources(named.collect());
    let is_path = |entry: &&Entry| entry.value.is_some_and(|value| value != "URL");
    let is_address =
        |entry: &&Entry| named.0.get(entry.flag).is_some_and(|value| value.to_string_lossy().contains("://"));
    if let Some(entry) = TABLE.iter().filter(is_path).find(is_address) {
        return Err(format!("--{} takes a path, not a URL; use --from-url for a URL", entry.flag));
    }
    for entry in TABLE.iter().filter(|entry| entry.value == Some("URL")) {
        let url = named.0.get(entry.flag).map(|value| value.to_str().ok_or(BadUrl::Malformed).and_then(Url::parse));
        if let Some(Err(error)) = url {
            return Err(format!("invalid value for --{}: {error}", entry.flag));
        }
    }
    if named.0.is_empty() {
        let sources = TABLE.iter().map(|entry| format!("--{}", entry.flag)).chain(["--oem".to_owned()]);
        return Err(format!("no source of user-data, such as --from-file=x.yml; the sources are:\n{}", list(sources)));
    }
    let key_set = text(matches, "ssh-key-name").unwrap_or_else(|| KEY_SET.to_owned());
    if let Some(fault) = cloud_config::plan::names::file_name_fault(&key_set) {
        return Err(format!("invalid name for --ssh-key-name: {fault}"));
    }
    Ok(Invocation::Run(Box::new(Options {
        mode,
        conversion,
        sources: named,
        ignore_platform: is_set(matches, "ignore-platform"),
        network: network.and_then(|name| NetworkFormat::named(&name)),
        root: path(matches, "root").unwrap_or_else(|| "/".into()),
        given_root: path(matches, "root"),
        workspace: path(matches, "workspace").unwrap_or_else(|| WORKSPACE.into()),
        key_set,
        ignore_failure: is_set(matches, "ignore-failure"),
        strict: is_set(matches, "strict"),
        format,
        job_timeout: seconds(matches, "job-timeout", 300)?,
        deadline: seconds(matches, "deadline", 540)?,
        short_hostname: is_set(matches, "short-hostname"),
        secrets: if is_set(matches, "show-secrets") { Secrets::Shown } else { Secrets::Redacted },
        show_diff: is_set(matches, "show-diff"),
        exit_code: is_set(matches, "exit-code"),
        verbosity: i8::from(matches.get_count("verbose") > 0) - i8::from(matches.get_count("quiet") > 0),
    })))
}

/// Returns the value of a flag whose values are a list of names.
fn choice(
    matches: &ArgMatches,
    flag: &str,
    kind: &str,
    known: impl Iterator<Item = &'static str>,
) -> Result<Option<String>, String> {
    let Some(value) = text(matches, flag) else { return Ok(None) };
    let known: Vec<_> = known.collect();
    if known.contains(&value.as_str()) { Ok(Some(value)) } else { Err(unknown_value(kind, &value, flag, &known)) }
}

fn is_set(matches: &ArgMatches, name: &str) -> bool {
    matches.get_one::<bool>(name).copied().unwrap_or_default()
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<OsString>(name).map(PathBuf::from)
}

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<OsString>(name).map(|value| value.to_string_lossy().into_owned())
}

fn seconds(matches: &ArgMatches, name: &str, default: u64) -> Result<Duration, String> {
    let Some(value) = text(matches, name) else { return Ok(Duration::from_secs(default)) };
    let seconds: u64 =
        value.parse().map_err(|_| format!("--{name} takes an integer number of seconds, not {}", quoted(&value)))?;
    if seconds == 0 { Err(format!("--{name} takes at least 1 second")) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests;
