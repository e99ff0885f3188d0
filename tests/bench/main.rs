//! `make bench`: the cost of the program, compared with the cost of the same work alone. Every bar is a ratio within
//! this run, or a bound that also holds on a slow machine; a missed bar fails the run. The times by number of files are
//! written to `docs/performance.csv`, and drawn to `docs/performance.svg`.

mod here;
mod inside;
mod measure;
mod plot;

#[path = "../testbed/mod.rs"]
mod testbed;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use measure::Table;
use plot::Measurements;

fn main() -> ExitCode {
    testbed::sandbox::run(|| {
        let conditions = measure::conditions();
        let mut table = Table::default();
        let measured = Measurements { conditions, rows: here::rows(&mut table) };
        keep(&measured);
        inside::rows(&mut table);
        table.print(&measured.conditions)
    })
}

/// Writes the data file and its plot.
fn keep(measurements: &Measurements) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let csv = measurements.to_csv();
    // The plot is drawn from the rounded numbers of the file, as the test does.
    let svg = Measurements::from_csv(&csv).svg();
    for (name, text) in [("performance.csv", csv), ("performance.svg", svg)] {
        fs::write(docs.join(name), text).unwrap_or_else(|error| panic!("failed to write docs/{name}: {error}"));
    }
}
