//! Document markers in block scalars: `---` or `...` in the first column always ends the document.

use super::block::{self, BlockLine};
use crate::diagnostic::{Finding, Span, rules};

/// A marker that ends a block scalar although the item of the scalar continues below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The first byte of the marker.
    pub at: usize,
    /// The indentation of the text of the scalar.
    pub depth: usize,
    /// The line of the key of the scalar.
    line: usize,
}

impl Cut {
    /// Creates the finding. `origin` is the position of [`Cut::at`] in the source text.
    pub fn finding(&self, origin: usize) -> Finding {
        let message = format!(
            "this line ends the document inside the block scalar that begins at line {}; item skipped",
            self.line
        );
        let finding = Finding::new(&rules::LOST_CONTENT, Span::new(origin, origin + 3), message);
        finding.help("indent the line as the text around it")
    }
}

/// Finds the markers after which the item of a block scalar continues, because the next line is indented.
pub fn cuts(text: &str) -> Vec<Cut> {
    let mut cuts = Vec::new();
    if !text.contains("\n---") && !text.contains("\n...") {
        return cuts;
    }
    // The current block scalar: its line, the column of its key, and the indentation of its text.
    let mut scalar: Option<(usize, usize, Option<usize>)> = None;
    // The markers that belong to the scalar if the next line is indented.
    let mut markers: Vec<usize> = Vec::new();
    let mut start = 0;
    for (number, text) in text.split_inclusive('\n').enumerate() {
        let line = BlockLine { start, text };
        start += text.len();
        if line.is_blank() {
            continue;
        }
        if scalar.is_some() && block::is_marker(text) {
            markers.push(line.start);
            continue;
        }
        let indentation = line.indentation();
        if let Some((line, column, depth)) = &mut scalar {
            if indentation > *column {
                depth.get_or_insert(indentation);
            }
            let found = markers.drain(..).filter(|_| indentation > 0);
            cuts.extend(found.map(|at| Cut { at, depth: depth.unwrap_or(*column + 2), line: *line }));
            if depth.is_some_and(|depth| indentation >= depth) {
                continue;
            }
        }
        scalar = line.header().map(|_| (number + 1, line.key_column(), None));
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn a_marker_ends_a_scalar_whose_item_goes_on() {
        let found = |text: &str| cuts(text).iter().map(|cut| (cut.at, cut.depth, cut.line)).collect::<Vec<_>>();
        assert_eq!(found("a:\n- b: |\n    c\n---\n    d\n"), [(16, 4, 2)]);
        assert_eq!(found("a:\n- b: |\n    c\n... # x\n\n---\n    d\n---\n  e: f\n").len(), 3);
        assert_eq!(found("a:\n- b: |\n---\n    c\n"), [(10, 4, 2)]);
        for text in [
            "a:\n- b: |\n    c\n---\nd: e\n",
            "a:\n- b: |\n    c\n---\n",
            "a:\n- b: |\n    c\n  d: e\n---\n  f: g\n",
            "a:\n- b: |\n    c\n----\n    d\n",
            "---\na: |\n  b\n  ---\n  c\n",
            "a: b\n---\n  c: d\n",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
