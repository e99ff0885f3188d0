//! The times of the benchmark by number of files: their data file, and its plot. The same data gives the same bytes.

use std::fmt::Write as _;

/// A line of the plot.
struct Series {
    /// Its column in the data file.
    column: &'static str,
    /// Its name in the plot.
    label: &'static str,
    /// Its color on a light and on a dark background.
    colors: [&'static str; 2],
    /// The SVG shape of a point, around the origin: a line is recognized without its color, too.
    point: &'static str,
}

const SERIES: [Series; 4] = [
    Series {
        column: "first_run_ms",
        label: "first run: writes every file",
        colors: ["#b35900", "#ffa657"],
        point: r#"<circle r="4"/>"#,
    },
    Series {
        column: "system_calls_ms",
        label: "the first run's system calls alone",
        colors: ["#6e7781", "#9aa4af"],
        point: r#"<path d="M-4-4 4 4M-4 4 4-4"/>"#,
    },
    Series {
        column: "second_run_ms",
        label: "second run: nothing changes",
        colors: ["#0860ca", "#79c0ff"],
        point: r#"<path d="M-4-4H4V4H-4Z"/>"#,
    },
    Series {
        column: "validate_ms",
        label: "--validate",
        colors: ["#1a7f37", "#56d364"],
        point: r#"<path d="M0-5 5 4H-5Z"/>"#,
    },
];

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 460.0;
/// The edges of the area between the axes.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 540.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 372.0;
/// The least distance of two labels.
const LABEL: f64 = 20.0;

/// The measurements of one run of the benchmark.
pub struct Measurements {
    /// The circumstances, such as the day and the machine, each with its name.
    pub conditions: Vec<(String, String)>,
    /// The number of files, and the milliseconds of each series.
    pub rows: Vec<(u32, [f64; SERIES.len()])>,
}

impl Measurements {
    /// Returns the content of the data file.
    pub fn to_csv(&self) -> String {
        let mut text = "# Written by `make bench`: the shortest time of several runs, in milliseconds.\n".to_owned();
        // Writing to a string cannot fail.
        for (name, value) in &self.conditions {
            let _ = writeln!(text, "# {name}: {value}");
        }
        let _ = writeln!(text, "files,{}", SERIES.map(|series| series.column).join(","));
        for (files, times) in &self.rows {
            let _ = writeln!(text, "{files},{}", times.map(|time| format!("{time:.2}")).join(","));
        }
        text
    }

    /// Parses a data file.
    pub fn from_csv(text: &str) -> Self {
        let comments = text.lines().filter_map(|line| line.strip_prefix("# "));
        let conditions = comments.skip(1).map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no name: {line}"));
            (name.to_owned(), value.to_owned())
        });
        let mut table = text.lines().filter(|line| !line.starts_with('#'));
        let head = format!("files,{}", SERIES.map(|series| series.column).join(","));
        assert_eq!(table.next(), Some(head.as_str()), "the columns of the data file");
        let number = |cell: &str| -> f64 { cell.parse().unwrap_or_else(|_| panic!("not a number: {cell}")) };
        let rows = table.map(|line| {
            let (files, times) = line.split_once(',').unwrap_or_else(|| panic!("one column: {line}"));
            let times: Vec<_> = times.split(',').map(number).collect();
            let times = times.try_into().unwrap_or_else(|_| panic!("not {} times: {line}", SERIES.len()));
            (files.parse().unwrap_or_else(|_| panic!("not a number: {files}")), times)
        });
        Self { conditions: conditions.collect(), rows: rows.collect() }
    }

    /// Draws the plot, with two logarithmic axes.
    pub fn svg(&self) -> String {
        let files: Vec<_> = self.rows.iter().map(|(files, _)| f64::from(*files)).collect();
        let times: Vec<_> = self.rows.iter().flat_map(|(_, times)| *times).collect();
        let x = Axis::new(&files, LEFT, RIGHT);
        let y = Axis::new(&times, BOTTOM, TOP);
        let mut svg = head();
        let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"32\">Time of a run by number of files</text>");
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{LEFT}\" y=\"52\">Files of 1,000 bytes. Lower is better. On \
             both axes, each line of the grid is ten times the one before.</text>"
        );
        for value in x.decades() {
            let at = x.place(value);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
                BOTTOM + 22.0,
                thousands(value)
            );
        }
        for value in y.decades() {
            let at = y.place(value);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                duration(value)
            );
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        let _ =
            writeln!(svg, "<text class=\"middle\" x=\"{middle:.1}\" y=\"{:.1}\">number of files</text>", BOTTOM + 46.0);
        let last: Vec<_> = self.rows.last().map_or(Vec::new(), |(_, times)| times.map(|time| y.place(time)).to_vec());
        for (index, at) in spread(&last).into_iter().enumerate() {
            let points: Vec<_> =
                self.rows.iter().map(|(files, times)| (x.place(f64::from(*files)), y.place(times[index]))).collect();
            let time = self.rows.last().map_or(0.0, |(_, times)| times[index]);
            line(&mut svg, index, &points, at, &duration(time));
        }
        let conditions: Vec<_> = self.conditions.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
            HEIGHT - 14.0,
            conditions.join("; ")
        );
        svg + "</svg>\n"
    }
}

/// Draws a series: its line, its points, and its label at the height `label`.
fn line(svg: &mut String, index: usize, points: &[(f64, f64)], label: f64, time: &str) {
    let Some(&(x, y)) = points.last() else { return };
    let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let _ = writeln!(svg, "<g class=\"series s{index}\">\n<path class=\"line\" d=\"M{}\"/>", path.join("L"));
    for (x, y) in points {
        let _ = writeln!(svg, "<g transform=\"translate({x:.1} {y:.1})\">{}</g>", SERIES[index].point);
    }
    // A thin line leads to a label that had to move.
    let _ = writeln!(svg, "<path class=\"lead\" d=\"M{:.1} {y:.1}L{:.1} {label:.1}\"/>", x + 8.0, x + 22.0);
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\">{}: {time}</text>\n</g>",
        x + 26.0,
        label + 4.0,
        SERIES[index].label.replace(": ", ", ")
    );
}

/// Moves heights apart, in their order, until labels fit between them.
fn spread(heights: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut placed = heights.to_vec();
    for pair in order.windows(2) {
        placed[pair[1]] = placed[pair[1]].max(placed[pair[0]] + LABEL);
    }
    // Those that were moved down share the way with those above.
    let moved = order.iter().map(|index| placed[*index] - heights[*index]).fold(0.0, f64::max);
    placed.iter().map(|at| at - moved / 2.0).collect()
}

/// A logarithmic axis of whole decades.
struct Axis {
    first: f64,
    last: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis for `values`, between two pixels.
    fn new(values: &[f64], from: f64, to: f64) -> Self {
        let logarithms = || values.iter().map(|value| value.log10());
        let first = logarithms().fold(f64::INFINITY, f64::min).floor();
        let last = logarithms().fold(f64::NEG_INFINITY, f64::max).ceil().max(first + 1.0);
        Self { first, last, from, to }
    }

    /// Returns the pixel of a value.
    fn place(&self, value: f64) -> f64 {
        self.from + (value.log10() - self.first) / (self.last - self.first) * (self.to - self.from)
    }

    /// The powers of ten on the axis.
    fn decades(&self) -> Vec<f64> {
        let mut values = Vec::new();
        let mut exponent = self.first;
        while exponent <= self.last {
            values.push(10_f64.powf(exponent));
            exponent += 1.0;
        }
        values
    }
}

/// Milliseconds with two digits, in a unit that a person reads without counting zeros.
pub fn duration(milliseconds: f64) -> String {
    let (value, unit) = if milliseconds < 1000.0 { (milliseconds, "ms") } else { (milliseconds / 1000.0, "s") };
    let digits = usize::from(value < 9.95 && value.fract() >= 0.05);
    format!("{value:.digits$} {unit}")
}

/// A value without decimals, with commas between its thousands.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of the picture, with its colors for light and for dark screens.
fn head() -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n<title>Time of a run by number of files</title>\n<style>\n\
         text {{ font: 13px system-ui, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; }}\n\
         .title {{ font-size: 17px; font-weight: 600; }}\n.small {{ font-size: 11px; }}\n\
         .middle {{ text-anchor: middle; }}\n.end {{ text-anchor: end; }}\n\
         .grid {{ fill: none; stroke-width: 1; }}\n.line {{ fill: none; stroke-width: 2; }}\n\
         .lead {{ fill: none; stroke-width: 1; opacity: 0.6; }}\n.s1 .line {{ stroke-dasharray: 5 4; }}\n\
         .series path, .series circle {{ stroke-width: 2; }}\n.series .lead {{ stroke-width: 1; }}\n"
    );
    svg += &scheme(0, "#ffffff", "#1f2328", "#59636e", "#d1d9e0");
    let _ = writeln!(
        svg,
        "@media (prefers-color-scheme: dark) {{\n{}}}",
        scheme(1, "#0d1117", "#e6edf3", "#9198a1", "#30363d")
    );
    svg + "</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n"
}

/// The rules of one color scheme.
fn scheme(index: usize, back: &str, text: &str, small: &str, grid: &str) -> String {
    let mut rules = format!(
        ".back {{ fill: {back}; }}\ntext {{ fill: {text}; }}\n.small {{ fill: {small}; }}\n.grid {{ stroke: {grid}; }}\n"
    );
    for (number, series) in SERIES.iter().enumerate() {
        let color = series.colors[index];
        let _ = writeln!(
            rules,
            ".s{number} path, .s{number} circle {{ stroke: {color}; }}\n\
             .s{number} g * {{ fill: {color}; }}\n.s{number} text {{ fill: {color}; }}"
        );
    }
    rules
}
