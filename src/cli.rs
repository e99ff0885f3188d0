//! The command line, in the reference's flag syntax (spec §2).
//!
//! One table declares every flag; the parser and the help are made of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::print::Secrets;

/// What is said with a wrong command line; the exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage(pub String);

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Print this text to standard output and stop.
    Print(String),
    /// Show what the last runs did.
    Status(Format),
    /// Run.
    Run(Box<Options>),
}

/// What a run does with the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Apply it.
    Apply,
    /// Print it, and change nothing.
    DryRun,
    /// Report what is wrong with the configuration, and change nothing.
    Validate,
    /// Print the configuration as it is understood, and change nothing.
    PrintConfig,
}

/// How something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Everything a run needs to know from its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do with the plan.
    pub mode: Mode,
    /// Where user-data comes from.
    pub from_file: PathBuf,
    /// The folder to apply to; `/` is the machine itself.
    pub root: PathBuf,
    /// Where scripts are kept, beneath the root.
    pub workspace: PathBuf,
    /// The name of the set of SSH keys.
    pub key_set: String,
    /// Exit with 0 in spite of failures.
    pub ignore_failure: bool,
    /// All of a part or nothing of it.
    pub strict: bool,
    /// How the plan is printed.
    pub format: Format,
    /// The longest wait for one unit job.
    pub job_timeout: Duration,
    /// The longest wait for everything.
    pub deadline: Duration,
    /// Cut host names at the first dot.
    pub short_hostname: bool,
    /// Whether the configuration is printed with its secrets.
    pub secrets: Secrets,
    /// More in the log, or less: -1, 0, 1.
    pub verbosity: i8,
}

impl Options {
    /// Whether the run changes the machine it runs on, and not a tree, or nothing.
    pub fn changes_this_machine(&self) -> bool {
        self.mode == Mode::Apply && self.root == Path::new("/")
    }
}

/// A group of flags, as the help shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Sources,
    Behaviour,
    Checking,
    Output,
}

impl Group {
    const fn heading(self) -> &'static str {
        match self {
            Self::Sources => "Sources",
            Self::Behaviour => "Behaviour",
            Self::Checking => "Checking",
            Self::Output => "Output",
        }
    }
}

/// One flag.
struct Flag {
    name: &'static str,
    /// What its value is called; a switch has none.
    value: Option<&'static str>,
    group: Group,
    help: &'static str,
    /// Whether it works already.
    built: bool,
}

const fn flag(name: &'static str, value: &'static str, group: Group, help: &'static str) -> Flag {
    Flag { name, value: Some(value), group, help, built: true }
}

const fn switch(name: &'static str, group: Group, help: &'static str) -> Flag {
    Flag { name, value: None, group, help, built: true }
}

impl Flag {
    const fn later(mut self) -> Self {
        self.built = false;
        self
    }
}

use Group::{Behaviour, Checking, Output, Sources};

const FLAGS: &[Flag] = &[
    flag("from-file", "PATH", Sources, "Read user-data from a file"),
    flag("from-url", "URL", Sources, "Fetch user-data over HTTP(S)").later(),
    flag("from-configdrive", "DIR", Sources, "Read an OpenStack config drive").later(),
    flag("from-ec2-metadata", "URL", Sources, "Ask the metadata service of EC2").later(),
    switch("from-metadata-service", Sources, "Deprecated: as --from-ec2-metadata, at its usual address").later(),
    flag("from-gce-metadata", "URL", Sources, "Ask the metadata service of Google Compute Engine").later(),
    flag("from-digitalocean-metadata", "URL", Sources, "Ask the metadata service of DigitalOcean").later(),
    flag("from-packet-metadata", "URL", Sources, "Ask the metadata service of Packet (Equinix Metal)").later(),
    switch("from-cloudsigma-metadata", Sources, "Read CloudSigma's server context from the serial port").later(),
    flag("from-waagent", "DIR", Sources, "Read the folder of the Azure agent").later(),
    switch("from-vmware-guestinfo", Sources, "Read VMware's guest variables").later(),
    flag("from-vmware-ovf-env", "FILE", Sources, "Read an OVF environment document").later(),
    switch("from-proc-cmdline", Sources, "Fetch the cloud-config-url of the kernel command line").later(),
    flag("oem", "NAME", Sources, "Set the flags of a platform").later(),
    flag("convert-netconf", "FORMAT", Behaviour, "Turn the source's network configuration into networkd's").later(),
    flag("workspace", "DIR", Behaviour, "Keep scripts here, beneath the root [default: /var/lib/coreos-cloudinit]"),
    flag("ssh-key-name", "NAME", Behaviour, "Name of the set of SSH keys [default: coreos-cloudinit]"),
    switch("ignore-failure", Behaviour, "Exit with 0 in spite of failures"),
    flag("root", "DIR", Behaviour, "Apply to the tree in DIR instead of /"),
    switch("strict", Behaviour, "Apply all of a part, or nothing of it"),
    flag("job-timeout", "SEC", Behaviour, "Longest wait for one unit job [default: 300]"),
    flag("deadline", "SEC", Behaviour, "Longest wait for everything [default: 540]"),
    switch("short-hostname", Behaviour, "Cut host names at the first dot"),
    switch("validate", Checking, "Report what is wrong with the user-data, and change nothing"),
    switch("dry-run", Checking, "Print the plan, and change nothing"),
    switch("print-config", Checking, "Print the configuration as it is understood, and change nothing"),
    switch("schema", Checking, "Print a JSON Schema of the cloud-config, for editors"),
    switch("status", Checking, "Show what the last runs did"),
    switch("show-secrets", Output, "Print the configuration with its secrets"),
    flag("format", "FORMAT", Output, "Print as text or as json [default: text]"),
];

const WORKSPACE: &str = "/var/lib/coreos-cloudinit";
const KEY_SET: &str = "coreos-cloudinit";
const NETCONF_FORMATS: [&str; 5] = ["debian", "packet", "vmware", "digitalocean", "openstack"];
const OEMS: [&str; 8] =
    ["ec2-compat", "digitalocean", "gce", "packet", "azure", "cloudsigma", "vmware", "rackspace-onmetal"];

/// Reads the command line, without the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, Usage> {
    let mut command = command(Purpose::Parse);
    let matches = match command.try_get_matches_from_mut(normalise(arguments)) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::UnknownArgument => {
            let known: Vec<_> = flags().map(|(name, _)| format!("--{name}")).collect();
            return Err(Usage(format!("{error}Flags: {}\n", known.join(", "))));
        }
        Err(error) if error.use_stderr() => return Err(Usage(error.to_string())),
        Err(_) => return Ok(Request::Print(help())),
    };
    if matches.get_flag("version") {
        return Ok(Request::Print(format!("coreos-cloudinit {}\n", env!("CARGO_PKG_VERSION"))));
    }
    request(&matches).map_err(|message| Usage(format!("error: {message}\n\nFor more information, try '--help'.\n")))
}

/// Every flag by its long name, and whether it works already.
pub fn flags() -> impl Iterator<Item = (&'static str, bool)> {
    let builtin = ["version", "help"].map(|name| (name, true));
    FLAGS.iter().map(|flag| (flag.name, flag.built)).chain(builtin)
}

/// The platforms that `--oem` knows, and the formats that `--convert-netconf` does.
pub fn choices() -> impl Iterator<Item = &'static str> {
    OEMS.into_iter().chain(NETCONF_FORMATS)
}

/// The whole help, as `--help` prints it.
pub fn help() -> String {
    command(Purpose::Show).render_help().to_string()
}

/// What the flags are declared for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To read a command line: a switch may have a value.
    Parse,
    /// To be shown: a switch stands alone.
    Show,
}

fn command(purpose: Purpose) -> Command {
    let mut command = Command::new("coreos-cloudinit")
        .about("Applies legacy cloud-config to this machine: files, users, SSH keys, host name, units")
        .override_usage("coreos-cloudinit [FLAGS] --from-SOURCE…")
        .after_help("Flags take one dash or two, and = or a space before their value.\nExit codes: 0 done, 1 something failed, 2 the command line is wrong.")
        .args_override_self(true)
        .disable_version_flag(true);
    for flag in FLAGS {
        let later = if flag.built { "" } else { " (not built in yet)" };
        let arg = Arg::new(flag.name)
            .long(flag.name)
            .help(format!("{}{later}", flag.help))
            .help_heading(flag.group.heading());
        command = command.arg(match flag.value {
            Some(value) => arg.value_name(value).value_parser(clap::value_parser!(OsString)),
            None if purpose == Purpose::Show => arg.action(ArgAction::SetTrue),
            None => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(BoolishValueParser::new()),
        });
    }
    command
        .arg(Arg::new("verbose").short('v').action(ArgAction::Count).help("More in the log").help_heading("Output"))
        .arg(Arg::new("quiet").short('q').action(ArgAction::Count).help("Less in the log").help_heading("Output"))
        .arg(
            Arg::new("version")
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Print the version")
                .help_heading("Output"),
        )
}

/// Writes flags as clap reads them: `-name value` becomes `--name=value`.
fn normalise(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut out = vec![OsString::from("coreos-cloudinit")];
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(word) = argument.to_str().and_then(|text| text.strip_prefix("--").or(text.strip_prefix('-'))) else {
            // An argument that is not UTF-8 can still be a flag with a value that is not.
            out.push(argument);
            continue;
        };
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let flag = FLAGS.iter().find(|flag| flag.name == name);
        match (flag, name, value) {
            (Some(flag), _, None) if flag.value.is_some() => match arguments.next() {
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

fn request(matches: &ArgMatches) -> Result<Request, String> {
    check_choices(matches)?;
    for flag in FLAGS.iter().filter(|flag| !flag.built) {
        let given = match flag.value {
            Some(_) => matches.contains_id(flag.name),
            None => on(matches, flag.name),
        };
        if given {
            return Err(format!("--{} is not built in yet", flag.name));
        }
    }
    let format = match text(matches, "format").as_deref() {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(other) => return Err(format!("unknown format '{other}' for --format: it takes text or json")),
    };
    if on(matches, "schema") {
        return Ok(Request::Print(crate::schema::text()));
    }
    if on(matches, "status") {
        return Ok(Request::Status(format));
    }
    let mode = if on(matches, "validate") {
        Mode::Validate
    } else if on(matches, "dry-run") {
        Mode::DryRun
    } else if on(matches, "print-config") {
        Mode::PrintConfig
    } else {
        Mode::Apply
    };
    let Some(from_file) = path(matches, "from-file") else {
        let sources: Vec<_> = FLAGS.iter().filter(|flag| flag.group == Sources && flag.built).collect();
        let sources: Vec<_> = sources.iter().map(|flag| format!("--{}", flag.name)).collect();
        return Err(format!("no source of user-data is named; name one of: {}", sources.join(", ")));
    };
    let key_set = text(matches, "ssh-key-name").filter(|name| !name.is_empty()).unwrap_or_else(|| KEY_SET.to_owned());
    if let Some(fault) = crate::plan::names::file_name_fault(&key_set) {
        return Err(format!("--ssh-key-name cannot be the name of a set of keys: {fault}"));
    }
    Ok(Request::Run(Box::new(Options {
        mode,
        from_file,
        root: path(matches, "root").unwrap_or_else(|| "/".into()),
        workspace: path(matches, "workspace").unwrap_or_else(|| WORKSPACE.into()),
        key_set,
        ignore_failure: on(matches, "ignore-failure"),
        strict: on(matches, "strict"),
        format,
        job_timeout: seconds(matches, "job-timeout", 300)?,
        deadline: seconds(matches, "deadline", 540)?,
        short_hostname: on(matches, "short-hostname"),
        secrets: if on(matches, "show-secrets") { Secrets::Shown } else { Secrets::Masked },
        verbosity: i8::from(matches.get_count("verbose") > 0) - i8::from(matches.get_count("quiet") > 0),
    })))
}

/// Flags whose value is a name out of a list say so, also where the flag is not built in yet.
fn check_choices(matches: &ArgMatches) -> Result<(), String> {
    for (flag, what, known) in
        [("oem", "platform", OEMS.as_slice()), ("convert-netconf", "format", NETCONF_FORMATS.as_slice())]
    {
        if let Some(value) = text(matches, flag).filter(|value| !known.contains(&value.as_str())) {
            return Err(format!("unknown {what} '{value}' for --{flag}: it takes one of {}", known.join(", ")));
        }
    }
    Ok(())
}

fn on(matches: &ArgMatches, name: &str) -> bool {
    matches.get_one::<bool>(name).copied().unwrap_or_default()
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<OsString>(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<OsString>(name).map(|value| value.to_string_lossy().into_owned())
}

fn seconds(matches: &ArgMatches, name: &str, default: u64) -> Result<Duration, String> {
    let Some(value) = text(matches, name) else { return Ok(Duration::from_secs(default)) };
    let seconds: u64 = value.parse().map_err(|_| format!("--{name} takes a whole number of seconds, not '{value}'"))?;
    if seconds == 0 { Err(format!("--{name} takes at least 1 second")) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Usage> {
        parse(line.split(' ').filter(|word| !word.is_empty()).map(OsString::from))
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Request::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn usage(line: &str) -> String {
        match parsed(line) {
            Err(Usage(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn one_dash_or_two_and_equals_or_a_space() {
        let plain = options("--from-file=x");
        for line in ["-from-file=x", "-from-file x", "--from-file x"] {
            assert_eq!(options(line), plain, "{line}");
        }
        assert_eq!(options("-from-file --strict").from_file, PathBuf::from("--strict"), "the next word is the value");
        assert_eq!(options("--from-file=a=b").from_file, PathBuf::from("a=b"));
        assert_eq!(options("--from-file a --from-file b").from_file, PathBuf::from("b"), "the last one counts");
    }

    #[test]
    fn switches_take_a_value_only_behind_equals() {
        for line in
            ["-from-file x -strict", "-strict=1 -from-file x", "--strict=true -from-file=x", "-strict=t -from-file=x"]
        {
            assert!(options(line).strict, "{line}");
        }
        for line in
            ["-from-file x", "-from-file x -strict=0", "-strict -from-file x -strict=false", "-from-file x -strict=f"]
        {
            assert!(!options(line).strict, "{line}");
        }
        assert!(usage("-from-file x -strict true").contains("true"), "never the next word");
        assert!(usage("-from-file x -strict=maybe").contains("maybe"));
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let options = options("--from-file x");
        assert_eq!(options.mode, Mode::Apply);
        assert_eq!(options.workspace, PathBuf::from("/var/lib/coreos-cloudinit"));
        assert_eq!(options.key_set, "coreos-cloudinit");
        assert_eq!((options.job_timeout.as_secs(), options.deadline.as_secs()), (300, 540));
        assert_eq!(options.root, PathBuf::from("/"));
    }

    #[test]
    fn secrets_are_shown_only_when_asked_for() {
        let printed = options("--from-file x --print-config");
        assert_eq!((printed.mode, printed.secrets), (Mode::PrintConfig, Secrets::Masked));
        assert_eq!(options("--from-file x --print-config --show-secrets").secrets, Secrets::Shown);
    }

    #[test]
    fn a_wrong_command_line_says_what_is_valid() {
        assert!(usage("").contains("--from-file"));
        assert!(usage("x").contains("'x'") && usage("x").contains("--dry-run"), "what is valid is listed");
        assert!(usage("--from-fil x").contains("--from-file"), "{}", usage("--from-fil x"));
        assert!(usage("--from-file").contains("--from-file"));
        assert!(usage("--from-file x --format yaml").contains("text or json"));
        assert!(usage("--from-file x --oem nowhere").contains("ec2-compat"));
        assert!(usage("--from-file x --convert-netconf=x").contains("debian"));
        assert!(usage("--from-file x --job-timeout=soon").contains("whole number"));
        assert!(usage("--from-file x --deadline 0").contains("at least 1"));
        assert!(usage("--from-file x --ssh-key-name ../x").contains("slash"));
    }

    #[test]
    fn what_comes_later_says_so() {
        for line in
            ["--from-url http://x/", "-from-proc-cmdline", "--oem=gce", "--convert-netconf=debian --from-file x"]
        {
            assert!(usage(line).contains("is not built in yet"), "{line}");
        }
        assert!(usage("-from-proc-cmdline=false").contains("no source"));
    }

    #[test]
    fn help_and_version_go_to_standard_output() {
        for line in ["-h", "--help", "-help"] {
            let Ok(Request::Print(text)) = parsed(line) else { panic!("{line}") };
            assert!(text.contains("--from-file <PATH>") && text.contains("--dry-run  "), "{text}");
            assert!(!text.contains("[="), "a switch stands alone: {text}");
        }
        for line in ["--version", "-version", "--version=true"] {
            assert!(
                matches!(parsed(line), Ok(Request::Print(text)) if text.starts_with("coreos-cloudinit ")),
                "{line}"
            );
        }
        assert!(matches!(parsed("--schema"), Ok(Request::Print(text)) if text.starts_with('{')), "it needs no source");
        assert_eq!(parsed("--status"), Ok(Request::Status(Format::Text)));
    }
}
