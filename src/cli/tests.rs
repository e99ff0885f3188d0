use cloud_config::address_tokens::{Address, Addresses};

use super::*;

fn parsed(line: &str) -> Result<Invocation, Usage> {
    parse(line.split(' ').filter(|word| !word.is_empty()).map(OsString::from))
}

fn options(line: &str) -> Options {
    match parsed(line) {
        Ok(Invocation::Run(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

/// The names of the sources, in the order of the table.
fn named(line: &str) -> Vec<String> {
    options(line).sources.candidates().iter().map(|candidate| candidate.source.name()).collect()
}

fn usage(line: &str) -> String {
    match parsed(line) {
        Err(Usage(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn flags_take_one_dash_or_two_and_equals_or_a_space() {
    let plain = options("--from-file=x");
    for line in ["-from-file=x", "-from-file x", "--from-file x"] {
        assert_eq!(options(line), plain, "{line}");
    }
    assert_eq!(named("-from-file --x"), ["--x"], "the next word is the value");
    assert_eq!(named("--from-file=a=b"), ["a=b"]);
    assert_eq!(named("--from-file a --from-file b"), ["b"], "the last one counts");
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
    for value in ["maybe", "no", "yes", "off"] {
        assert!(usage(&format!("-from-file x -dry-run={value}")).contains(value), "a guess may change the machine");
    }
}

#[test]
fn defaults_are_as_documented() {
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
    assert_eq!((printed.mode, printed.secrets), (Mode::PrintConfig, Secrets::Redacted));
    assert_eq!(options("--from-file x --print-config --show-secrets").secrets, Secrets::Shown);
    for mode in ["", "--validate", "--dry-run", "--status", "--schema", "--print-config=false"] {
        let text = usage(&format!("--from-file x --show-secrets {mode}"));
        assert!(text.contains("only with --print-config"), "{mode}: {text}");
    }
}

#[test]
fn lines_of_files_are_an_option_of_a_dry_run_alone() {
    assert!(!options("--from-file x --dry-run").show_diff);
    assert!(options("--from-file x --dry-run --show-diff").show_diff);
    assert!(!options("--from-file x --show-diff=false").show_diff);
    for mode in ["", "--validate", "--print-config", "--status", "--schema", "--dry-run=false"] {
        let text = usage(&format!("--from-file x --show-diff {mode}"));
        assert!(text.contains("only with --dry-run"), "{mode}: {text}");
    }
    assert!(help().contains("Prints contents of files"));
}

#[test]
fn the_exit_code_for_changes_is_an_option_of_a_dry_run_alone() {
    assert!(!options("--from-file x --dry-run").exit_code);
    assert!(options("--from-file x --dry-run --exit-code").exit_code);
    for mode in ["", "--validate", "--convert-to=butane", "--status", "--dry-run=false"] {
        let text = usage(&format!("--from-file x --exit-code {mode}"));
        assert!(text.contains("--exit-code takes effect only with --dry-run"), "{mode}: {text}");
    }
}

#[test]
fn a_similar_value_is_a_tip() {
    for (line, tip) in [
        ("--convert-to=butan", "'butane'"),
        ("--convert-netconf=debain", "'debian'"),
        ("--validate --format=JSON", "'json'"),
        ("--convert-to=butane --addresses=private_ip4=10.0.0.1", "'private_ipv4'"),
        ("--oem=vmwre", "'vmware'"),
    ] {
        let text = usage(&format!("--from-file x {line}"));
        assert!(text.contains(&format!("\n\n  tip: a similar value exists: {tip}\n")), "{line}: {text}");
    }
    assert!(!usage("--from-file x --oem=nowhere").contains("tip"));
}

#[test]
fn a_command_line_has_one_mode() {
    for (line, flags) in [
        ("--validate --dry-run", "--validate and --dry-run"),
        ("--print-config --dry-run", "--dry-run and --print-config"),
        ("--status --schema", "--schema and --status"),
        ("--validate --explain=unknown-key", "--explain and --validate"),
    ] {
        let text = usage(&format!("--from-file x {line}"));
        assert!(text.contains(&format!("{flags} exclude each other")), "{line}: {text}");
    }
    assert_eq!(options("--from-file x --validate=false --dry-run").mode, Mode::DryRun);
    assert_eq!(named("--from-file=a --from-file=b"), ["b"], "the last value counts");
}

#[test]
fn a_flag_is_no_value_of_another_flag() {
    for line in ["--from-file --validate", "-from-file -dry-run", "--validate --from-file --format=json"] {
        let text = usage(line);
        assert!(text.contains("a value is required for '--from-file <PATH>'"), "{line}: {text}");
    }
    assert_eq!(named("--from-file=--validate"), ["--validate"], "a file can have any name");
    assert_eq!(named("--from-file --validat"), ["--validat"]);
}

#[test]
fn json_is_an_output_of_reports_alone() {
    assert!(usage("--from-file x --format=json").contains("only with --validate"));
    assert!(usage("--from-file x --format=json --validate=false").contains("only with --validate"));
    for mode in ["--validate", "--dry-run", "--print-config", "--convert-to=butane"] {
        assert_eq!(options(&format!("--from-file x --format=json {mode}")).format, Format::Json, "{mode}");
    }
}

#[test]
fn the_error_of_a_command_line_lists_valid_values() {
    assert!(usage("").contains("--from-file"));
    assert!(usage("x").contains("'x'"));
    assert!(usage("--from-fil x").contains("--from-file"), "{}", usage("--from-fil x"));
    assert!(usage("--from-file").contains("--from-file"));
    assert!(usage("--from-file x --format yaml").contains("it takes one of text, json"));
    assert!(usage("--from-file x --oem nowhere").contains("ec2-compat"));
    assert!(usage("--from-file x --convert-netconf=x").contains("debian"));
    assert!(usage("--status --root /mnt").contains("takes no --root"), "its answer would be that of another machine");
    assert!(usage("--from-file x --job-timeout=soon").contains("integer number"));
    assert!(usage("--from-file x --deadline 0").contains("at least 1"));
    assert!(usage("--from-file x --ssh-key-name ../x").contains("slash"));
}

#[test]
fn a_rule_is_explained_without_a_source() {
    let Ok(Invocation::Print(text)) = parsed("--explain unknown-key") else { panic!("it is printed") };
    assert!(text.starts_with("unknown-key\n\n**warning**: "), "{text}");
    assert!(usage("--explain unknwon-key").contains("did you mean `unknown-key`?"));
    for printed in ["[unknown-key]", "warning[unknown-key]"] {
        let Ok(Invocation::Print(again)) = parsed(&format!("--explain {printed}")) else { panic!("{printed}") };
        assert_eq!(again, text, "{printed}");
    }
    assert!(usage("--explain=x").contains("in brackets"));
}

#[test]
fn a_platform_sets_its_flags_over_those_beside_it() {
    let ec2 = ["/media/configdrive/openstack/latest/user_data", "http://169.254.169.254/2009-04-04/user-data"];
    for line in
        ["--oem=ec2-compat", "--from-configdrive=/x -oem ec2-compat", "-oem ec2-compat -from-ec2-metadata=http://x/"]
    {
        assert_eq!(named(line), ec2, "{line}");
    }
    let beside = named("--from-file=x --oem=azure");
    assert_eq!((beside.len(), beside[0].as_str()), (2, "x"), "other sources are looked for as well");
    let onmetal = options("--convert-netconf=packet --oem=rackspace-onmetal");
    assert_eq!(onmetal.network, Some(NetworkFormat::Debian));
    assert_eq!(options("--oem=gce").network, None);
    assert_eq!(options("--oem=gce --convert-netconf=openstack").network, Some(NetworkFormat::OpenStack));
}

#[test]
fn every_source_has_a_flag_of_its_own() {
    let names: std::collections::BTreeSet<_> = flags().collect();
    assert_eq!(names.len(), flags().count(), "a flag is there twice");
    for entry in TABLE {
        let line = match entry.value {
            Some("URL") => format!("--{}=http://x/", entry.flag),
            Some(_) => format!("--{}=x", entry.flag),
            None => format!("--{}", entry.flag),
        };
        assert_eq!(named(&line).len(), 1, "{line}");
    }
    for oem in &OEMS {
        assert!(!named(&format!("--oem={}", oem.name)).is_empty());
    }
}

#[test]
fn sources_that_are_off_are_not_named() {
    assert!(usage("-from-proc-cmdline=false").contains("no source"));
    let shown = format!("{:?}", options("--from-url=http://me:hunter2@x/?token=hunter2"));
    assert!(shown.contains("from-url") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn an_empty_value_is_refused_by_every_flag() {
    let words = |words: &[&str]| parse(words.iter().map(OsString::from));
    for flag in table().filter(|flag| flag.value.is_some()) {
        let name = flag.name;
        for given in [
            vec![format!("--{name}=")],
            vec![format!("-{name}=")],
            vec![format!("--{name}"), String::new()],
            vec![format!("-{name}"), String::new()],
            vec![format!("--{name}="), format!("--{name}=x")],
            vec!["--status".to_owned(), format!("--{name}=")],
        ] {
            let given: Vec<_> = given.iter().map(String::as_str).collect();
            for argv in
                [given.clone(), [&["--from-file=x"], &given[..]].concat(), [&given[..], &["--dry-run"]].concat()]
            {
                let Err(Usage(text)) = words(&argv) else { panic!("{argv:?} is accepted") };
                assert!(text.starts_with(&format!("error: the value of --{name} is empty;")), "{argv:?}: {text}");
            }
        }
    }
    assert!(table().filter(|flag| flag.value.is_some()).count() > 15);
    assert_eq!(named("--from-file ="), ["="]);
}

#[test]
fn an_empty_value_has_its_correction() {
    assert!(usage("--from-file=").contains("is empty; write --from-file=PATH\n"), "{}", usage("--from-file="));
    for flag in ["root", "workspace", "ssh-key-name", "format", "deadline"] {
        let text = usage(&format!("--from-file=x --{flag}="));
        assert!(text.contains("is empty; omit the flag to use its default\n"), "{text}");
    }
}

#[test]
fn a_url_that_cannot_be_fetched_is_refused() {
    for (url, fault) in [
        ("ftp://x/hunter2", "not an http or https URL"),
        ("169.254.169.254", "not an http or https URL"),
        ("http://", "invalid URL"),
    ] {
        for flag in ["from-url", "from-ec2-metadata", "from-gce-metadata"] {
            let text = usage(&format!("--{flag}={url} --from-file=x"));
            assert!(text.starts_with(&format!("error: invalid value for --{flag}: {fault}\n")), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for line in ["-h", "--help", "-help"] {
        let Ok(Invocation::Print(text)) = parsed(line) else { panic!("{line}") };
        assert!(text.contains("--from-file <PATH>") && text.contains("--dry-run"), "{text}");
        assert!(!text.contains("[="), "a switch stands alone: {text}");
    }
    for line in ["--version", "-version", "--version=true"] {
        assert!(matches!(parsed(line), Ok(Invocation::Print(text)) if text.starts_with("coreos-cloudinit ")), "{line}");
    }
    assert!(matches!(parsed("--schema"), Ok(Invocation::Print(text)) if text.starts_with('{')), "it needs no source");
    assert_eq!(parsed("--status"), Ok(Invocation::Status(Format::Text)));
}

#[test]
fn an_address_in_the_wrong_place_is_not_shown() {
    const ADDRESS: &str = "https://me:hunter2@x/a?b=hunter2";
    for flag in ["--from-file", "--from-configdrive", "--from-waagent", "--from-vmware-ovf-env"] {
        let message = usage(&format!("{flag}={ADDRESS}"));
        assert!(message.contains(flag) && message.contains("--from-url") && !message.contains("hunter2"), "{message}");
    }
    assert!(!usage(&format!("--form-url={ADDRESS}")).contains("hunter2"));
    for line in [ADDRESS.to_owned(), format!("--oem={ADDRESS}"), format!("--from-file=x --deadline={ADDRESS}")] {
        let message = usage(&line);
        assert!(message.contains("a redacted URL") && !message.contains("hunter2"), "{message}");
    }
    assert_eq!(named("--from-url=https://x/a"), ["https://x/a"]);
}

#[test]
fn both_helps_fit_a_terminal_and_have_every_flag() {
    let (short, long) = (short_help(), help());
    assert!(short.lines().count() < 80 && long.lines().count() > 100);
    for line in short.lines().filter(|line| line.trim_start().starts_with("--")) {
        assert!(line.trim_start().contains("  "), "a flag and its help are one line: {line}");
    }
    for text in [&short, &long] {
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line}");
        }
        for flag in flags() {
            assert!(text.contains(&format!("--{flag}")), "{flag}");
        }
    }
    assert_eq!(parsed("-h"), Ok(Invocation::Print(short)));
    for line in ["--help", "-help", "--from-file x --help"] {
        assert_eq!(parsed(line), Ok(Invocation::Print(long.clone())), "{line}");
    }
}

#[test]
fn a_word_that_is_no_flag_may_be_meant_for_user_data() {
    let file = usage("x.yml --dry-run");
    assert!(file.contains("\n  tip: to read user-data from a file, use --from-file=x.yml\n"), "{file}");
    let url = usage("https://mary:hidden@example/x");
    assert!(url.contains("use --from-url=URL\n") && !url.contains("hidden"), "{url}");
    assert!(usage("--from-fil=x").contains("'--from-file'"));
    assert!(url.starts_with("error: unexpected argument: a redacted URL\n"), "{url}");
    let platform = usage("--oem=https://mary:hidden@example/x");
    assert!(platform.starts_with("error: unknown platform a redacted URL for --oem: it takes one of "), "{platform}");
    assert!(
        usage("--from-file=x --strict=no").starts_with("error: invalid value 'no' for '--strict[=<true|false>]': ")
    );
    let misspelled = "error: unexpected argument '--forom-file' found\n\n  tip: a similar argument exists: '--from-file'\n\n\
                      For more information, try '--help'.\n";
    assert_eq!(usage("--forom-file"), misspelled);
    for text in [file, url, usage("--nothing")] {
        assert!(text.lines().count() <= 5 && text.ends_with("\n\nFor more information, try '--help'.\n"), "{text}");
    }
    let no_source = usage("--dry-run");
    assert!(no_source.contains("  --from-file, ") && no_source.lines().all(|line| line.len() <= 80), "{no_source}");
    for line in ["\u{1b}[31mx", "--from-file=x --format=\u{1b}]0;x\u{7}", "--\u{9b}31m"] {
        let text = usage(line);
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
    }
}

#[test]
fn a_conversion_has_its_options() {
    let conversion = |line: &str| options(&format!("--from-file x {line}")).conversion;
    assert_eq!(options("--from-file x").conversion, None);
    for (name, target) in Target::ALL {
        let found = conversion(&format!("--convert-to={name}"));
        let plain = Conversion { target, platform: None, addresses: Addresses::default(), ordered: false };
        assert_eq!((options(&format!("--from-file x --convert-to={name}")).mode, found), (Mode::Convert, Some(plain)));
    }
    let found = conversion(
        "--convert-to butane --platform gce --addresses private_ipv4=10.0.0.1 --addresses=public_ipv6=2001:db8::1 --ordered",
    );
    let found = found.expect("it is a conversion");
    assert_eq!((found.platform.map(|platform| platform.name), found.ordered), (Some("gce"), true));
    assert_eq!(found.addresses.get(Address::PrivateV4), Some("10.0.0.1"));
    assert_eq!(found.addresses.get(Address::PublicV6), Some("2001:db8::1"));
    assert_eq!(found.addresses.get(Address::PublicV4), None);
}

#[test]
fn a_conversion_excludes_what_reads_or_changes_a_machine() {
    for (line, part) in [
        ("--convert-to=butane --root /x", "takes no --root"),
        ("--convert-to=butane --dry-run", "--convert-to and --dry-run exclude each other"),
        ("--convert-to=butane --validate", "--convert-to and --validate exclude each other"),
        ("--convert-to=butane --print-config", "--convert-to and --print-config exclude each other"),
        ("--convert-to=yaml", "yaml"),
        ("--platform=gce", "only with --convert-to"),
        ("--addresses=private_ipv4=10.0.0.1", "only with --convert-to"),
        ("--ordered", "only with --convert-to"),
        ("--validate --ordered", "only with --convert-to"),
        ("--convert-to=butane --platform=nimbus", "nimbus"),
        ("--convert-to=butane --addresses=10.0.0.1", "KIND=IP"),
        ("--convert-to=butane --addresses=private=10.0.0.1", "unknown kind 'private'"),
        (
            "--convert-to=butane --addresses=private_ipv4=2001:db8::1",
            "for --addresses: '2001:db8::1' is not an IPv4 address",
        ),
        ("--convert-to=butane --addresses=private_ipv4=", "'' is not an IPv4 address"),
        (
            "--convert-to=butane --addresses=private_ipv4=10.0.0.1 --addresses=private_ipv4=10.0.0.2",
            "two addresses for private_ipv4",
        ),
    ] {
        let text = usage(&format!("--from-file x {line}"));
        assert!(text.contains(part), "{line}: {text}");
    }
    assert!(options("--from-file x --convert-to=butane --dry-run=false").conversion.is_some());
}
