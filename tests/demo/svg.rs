//! A terminal's output, drawn as an SVG: the same text always gives the same bytes.

use std::fmt::Write as _;

/// The advance of a character and of a line, in pixels at the font's size of 13.
const CHARACTER: f32 = 7.83;
const LINE: usize = 19;
const PADDING: usize = 16;

/// A color by its class, and the SGR codes that select it.
const COLORS: &[(&str, &[u8], &str)] = &[
    ("prompt", &[], "#8b949e"),
    ("red", &[31, 91], "#ff7b72"),
    ("green", &[32, 92], "#56d364"),
    ("yellow", &[33, 93], "#e3b341"),
    ("blue", &[34, 94], "#79c0ff"),
    ("cyan", &[36, 96], "#76e3ea"),
];

/// The look of the characters that follow.
#[derive(Clone, Copy, Default, PartialEq)]
struct Look {
    color: Option<&'static str>,
    bold: bool,
    dim: bool,
}

impl Look {
    /// Applies the codes of an SGR sequence.
    fn apply(&mut self, codes: &str) {
        for code in codes.split(';') {
            match code.parse().unwrap_or(0) {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                code => {
                    let color = COLORS.iter().find(|(_, codes, _)| codes.contains(&code));
                    let (name, ..) = color.unwrap_or_else(|| panic!("unknown SGR code {code}"));
                    self.color = Some(name);
                }
            }
        }
    }

    fn classes(self) -> String {
        let names = [self.color, self.bold.then_some("bold"), self.dim.then_some("dim")];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Splits a line at its SGR sequences.
fn styled(line: &str) -> Vec<(Look, String)> {
    if let Some(command) = line.strip_prefix("# ") {
        let prompt = Look { color: Some("prompt"), ..Look::default() };
        return vec![(prompt, "# ".to_owned()), (Look { bold: true, ..Look::default() }, command.to_owned())];
    }
    let mut look = Look::default();
    let mut runs: Vec<(Look, String)> = Vec::new();
    for (index, piece) in line.split("\u{1b}[").enumerate() {
        let mut text = piece;
        if index > 0 {
            let (codes, rest) = piece.split_once('m').unwrap_or_else(|| panic!("not an SGR sequence: {piece:?}"));
            look.apply(codes);
            text = rest;
        }
        match runs.last_mut() {
            Some((last, before)) if *last == look => before.push_str(text),
            _ if text.is_empty() => {}
            _ => runs.push((look, text.to_owned())),
        }
    }
    runs
}

/// Cuts a line where a terminal of this width goes on below.
fn folded(runs: Vec<(Look, String)>, columns: usize) -> Vec<Vec<(Look, String)>> {
    let mut rows = vec![Vec::new()];
    let mut left = columns;
    for (look, mut text) in runs {
        while let Some((cut, _)) = text.char_indices().nth(left) {
            let rest = text.split_off(cut);
            rows.last_mut().expect("there is a first row").push((look, text));
            rows.push(Vec::new());
            text = rest;
            left = columns;
        }
        left -= text.chars().count();
        rows.last_mut().expect("there is a first row").push((look, text));
    }
    rows
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Draws `text`, whose lines may have SGR sequences. A line that begins with `# ` is a command at root's prompt.
pub fn draw(title: &str, text: &str, columns: usize) -> String {
    let rows: Vec<_> = text.lines().flat_map(|line| folded(styled(line), columns)).collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    let width = (columns as f32 * CHARACTER).ceil() as usize + 2 * PADDING;
    let height = rows.len() * LINE + 2 * PADDING;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n<style>\n\
         text {{ fill: #e6edf3; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; \
         white-space: pre; }}\n.bold {{ font-weight: bold; }}\n.dim {{ fill: #8b949e; }}\n",
        escaped(title)
    );
    // Writing to a string cannot fail.
    for (name, _, color) in COLORS {
        let _ = writeln!(svg, ".{name} {{ fill: {color}; }}");
    }
    svg += "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n";
    for (index, row) in rows.into_iter().enumerate() {
        let _ = write!(svg, "<text x=\"{PADDING}\" y=\"{}\" xml:space=\"preserve\">", PADDING + 14 + index * LINE);
        let mut column = 0;
        for (look, text) in row {
            // Each run is put at its column: a font of another width shifts nothing.
            #[allow(clippy::cast_precision_loss)]
            let (x, length) = (column as f32 * CHARACTER + PADDING as f32, text.chars().count() as f32 * CHARACTER);
            let _ = write!(svg, "<tspan x=\"{x:.1}\" textLength=\"{length:.1}\"");
            if look != Look::default() {
                let _ = write!(svg, " class=\"{}\"", look.classes());
            }
            let _ = write!(svg, ">{}</tspan>", escaped(&text));
            column += text.chars().count();
        }
        svg += "</text>\n";
    }
    svg + "</svg>\n"
}
