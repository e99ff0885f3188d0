//! The picture of `make demo` in the README.

use std::fs;
use std::path::Path;

use crate::testbed::Suite;

#[path = "../../demo/session.rs"]
mod session;
#[path = "../../demo/svg.rs"]
mod svg;

pub fn cases(suite: &mut Suite) {
    suite.fresh("the_picture_is_the_real_output", |m| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let example = fs::read_to_string(root.join("examples").join(session::EXAMPLE)).expect("the example is there");
        m.put(&format!("/root/{}", session::EXAMPLE), &example);
        let mut transcript = String::new();
        for (_, lines) in session::commands(session::EXAMPLE) {
            if !transcript.is_empty() {
                transcript.push('\n');
            }
            transcript.extend(lines.lines().map(|line| {
                format!(
                    "# {line}
"
                )
            }));
            transcript += &session::on_terminal(m, &lines, true).ok().stdout;
        }
        let drawn = svg::draw(
            "A terminal: coreos-cloudinit applies an example, applies it again, and skips an item with a mistake",
            &session::normalized(&transcript),
            session::COLUMNS,
        );
        let path = root.join("docs/demo.svg");
        if std::env::var_os("UPDATE_DEMO").is_some() {
            fs::write(&path, &drawn).expect("docs/ is writable");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == drawn, "docs/demo.svg is not the output of today; run `make demo-svg`\n{transcript}");
    });
}
