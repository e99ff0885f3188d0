//! The picture of `make demo`. `container/cases/demo.rs` compares it with the real output.

use std::path::Path;

use crate::report::program::program;

#[path = "../demo/svg.rs"]
mod svg;

/// The rows of text in an SVG.
fn rows(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let rows = document.descendants().filter(|node| node.has_tag_name("text"));
    rows.map(|row| row.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).collect())
        .collect()
}

/// Returns true if a run of text ends the way `run` does.
fn is_run(svg: &str, run: &str) -> bool {
    svg.contains(&format!("{run}</tspan>"))
}

#[test]
fn signs_have_their_colors_and_markup_is_escaped() {
    let drawn = svg::draw("a & b", "# ls <a>\n\u{1b}[1m\u{1b}[32m+\u{1b}[0m a\n\u{1b}[2m=\u{1b}[0m\n", 20);
    for run in [" class=\"prompt\"># ", " class=\"bold\">ls &lt;a&gt;", " class=\"green bold\">+", " class=\"dim\">="] {
        assert!(is_run(&drawn, run), "{run}: {drawn}");
    }
    assert!(drawn.contains("<title>a &amp; b</title>"), "{drawn}");
    assert_eq!(drawn, svg::draw("a & b", "# ls <a>\n\u{1b}[1;32m+\u{1b}[m a\n\u{1b}[2m=\u{1b}[0m\n", 20));
}

#[test]
fn long_lines_are_folded() {
    let drawn = svg::draw("", "\u{1b}[31mabcd\u{1b}[0mefg\n\nhi\n", 3);
    assert_eq!(rows(&drawn), ["abc", "def", "g", "", "hi"]);
}

#[test]
#[should_panic(expected = "unknown SGR code 45")]
fn an_unknown_color_is_refused() {
    svg::draw("", "\u{1b}[45ma", 3);
}

/// The cheapest sign of a changed output: the steps of the example. A container compares every byte.
#[test]
fn the_picture_has_every_step_of_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let picture = std::fs::read_to_string(root.join("docs/demo.svg")).unwrap();
    let text = rows(&picture).join("\n");
    let example = root.join("examples/web-server.yml").display().to_string();
    let plan = program(&["--dry-run", "--from-file", &example]).stdout;
    let steps: Vec<_> = plan.lines().skip(1).filter_map(|line| line.split_once(' ')).collect();
    let steps = steps.into_iter().filter(|(sign, _)| ["+", "=", ">", "!", "?"].contains(sign));
    assert!(steps.clone().count() > 7, "{plan}");
    for (_, step) in steps {
        assert!(text.contains(step), "{step} is not in docs/demo.svg; run `make demo-svg`");
    }
    for word in ["href", "url(", "@import", "<script", "<image", "<foreignObject"] {
        assert!(!picture.contains(word), "the picture is not self-contained: {word}");
    }
}
