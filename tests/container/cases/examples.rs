//! Every file in `examples/`: it validates, it plans, it is applied, and a second run writes nothing.

use std::fs;
use std::path::Path;

use crate::testbed::Suite;

pub fn cases(suite: &mut Suite) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !matches!(path.extension().and_then(|kind| kind.to_str()), Some("yml" | "sh")) {
            continue;
        }
        let case = name.replace(['.', '-'], "_");
        suite.fresh(&case, move |m| {
            let text = fs::read_to_string(&path).expect("an example is text");
            let environment = [("COREOS_PUBLIC_IPV4", "203.0.113.9"), ("COREOS_PRIVATE_IPV4", "10.9.8.7")];
            m.put("/tmp/user-data", &text);
            let flags = |flag| {
                let program = m.program(&["--from-file=/tmp/user-data", flag]);
                environment.iter().fold(program, |program, (name, value)| program.env(name, value)).run()
            };
            // What is deprecated is reported, and an example of it is one of nothing else.
            let validated = m.untouched(|| flags("--validate"));
            let findings: Vec<_> = validated.stdout.lines().filter(|line| !line.contains("[deprecated]")).collect();
            assert!(findings.is_empty() && validated.code <= 1, "{findings:?}");
            m.untouched(|| flags("--dry-run").ok());
            m.apply_with(&text, &[], &environment).ok();
            let again = || m.apply_with(&text, &[], &environment).ok();
            // What a script does is its own.
            if text.starts_with("#!") {
                again()
            } else {
                m.untouched(again)
            };
        });
    }
}
