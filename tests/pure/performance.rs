//! The plot and the table of `docs/performance.md`, from `docs/performance.csv`, which `make bench` writes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::generated::{self, read};

#[path = "../bench/plot.rs"]
mod plot;

use plot::{Measurements, duration, thousands};

const PAGE: &str = "docs/performance.md";
const PLOT: &str = "docs/performance.svg";

fn measured() -> Measurements {
    Measurements::from_csv(&read("docs/performance.csv"))
}

/// The rows of the table: the numbers of the plot for readers who do not see it.
fn table(_: &str) -> String {
    let measured = measured();
    let mut text = String::from(
        "| files | first run | the first run's system calls alone | second run | `--validate` |\n|---|---|---|---|---|\n",
    );
    // Writing to a string cannot fail.
    for (files, times) in &measured.rows {
        let _ = writeln!(text, "| {} | {} |", thousands(f64::from(*files)), times.map(duration).join(" | "));
    }
    text.push('\n');
    for (name, value) in &measured.conditions {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text
}

#[test]
fn the_plot_is_drawn_from_the_data_file() {
    let drawn = measured().svg();
    if std::env::var_os("UPDATE_PAGES").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PLOT), &drawn).unwrap();
    }
    assert!(read(PLOT) == drawn, "{PLOT} is not drawn from docs/performance.csv (UPDATE_PAGES=1 draws it)");
    roxmltree::Document::parse(&drawn).unwrap();
    for word in ["href", "url(", "@import", "<script", "<image", "<foreignObject", "NaN", "inf"] {
        assert!(!drawn.contains(word), "{word} in {PLOT}");
    }
}

#[test]
fn the_page_has_the_plot_and_its_numbers() {
    assert!(read(PAGE).contains("](performance.svg)"), "{PAGE} does not show the plot");
    assert_eq!(generated::check(PAGE, "times", table), 1);
}

#[test]
fn the_data_file_is_as_the_benchmark_writes_it() {
    let measured = measured();
    assert_eq!(read("docs/performance.csv"), measured.to_csv());
    assert_eq!(measured.rows.iter().map(|(files, _)| *files).collect::<Vec<_>>(), [1, 10, 100, 1000, 10_000]);
    let names: Vec<_> = measured.conditions.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["date", "machine", "load before the start"]);
}

fn draw(rows: &[(u32, [f64; 4])]) -> String {
    Measurements { conditions: vec![("date".to_owned(), "today".to_owned())], rows: rows.to_vec() }.svg()
}

/// Returns the values of an attribute of all elements with a class, in their order.
fn attributes(svg: &str, class: &str, name: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants().filter(|node| node.attribute("class") == Some(class));
    nodes.filter_map(|node| node.attribute(name)).map(str::to_owned).collect()
}

#[test]
fn ten_times_the_files_and_the_time_is_one_line_of_the_grid() {
    let svg = draw(&[(1, [2.0, 1.0, 1.0, 1.0]), (10, [20.0, 10.0, 10.0, 10.0]), (100, [200.0, 100.0, 100.0, 100.0])]);
    // The decades 1 to 100 and 1 ms to 1 s: two columns of 234 pixels, three rows of 100.
    assert_eq!(attributes(&svg, "line", "d")[1], "M72.0 372.0L306.0 272.0L540.0 172.0");
    assert_eq!(attributes(&svg, "grid", "d").len(), 3 + 4);
}

#[test]
fn labels_of_equal_times_do_not_overlap() {
    let svg = draw(&[(1, [1.0; 4]), (10, [50.0; 4])]);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let series =
        document.descendants().filter(|node| node.attribute("class").is_some_and(|it| it.starts_with("series")));
    let mut heights: Vec<f64> = series
        .filter_map(|node| node.children().find(|child| child.has_tag_name("text"))?.attribute("y")?.parse().ok())
        .collect();
    heights.sort_by(f64::total_cmp);
    assert_eq!(heights.len(), 4);
    assert!(heights.windows(2).all(|pair| pair[1] - pair[0] > 19.0), "{heights:?}");
}

#[test]
fn times_are_written_with_two_digits_and_a_unit() {
    let written = [0.25, 1.0, 4.66, 9.97, 18.5, 707.1, 1000.0, 1465.2, 23_456.0].map(duration);
    assert_eq!(written, ["0.2 ms", "1 ms", "4.7 ms", "10 ms", "18 ms", "707 ms", "1 s", "1.5 s", "23 s"]);
    assert_eq!([1.0, 1000.0, 12_345.0, 1_000_000.0].map(thousands), ["1", "1,000", "12,345", "1,000,000"]);
}

#[test]
#[should_panic(expected = "the columns of the data file")]
fn a_data_file_with_other_columns_is_refused() {
    Measurements::from_csv("# Written by `make bench`\nfiles,validate_ms\n1,2\n");
}
