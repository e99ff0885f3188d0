//! The positions of items that are not applied.

use crate::diagnostic::Span;

/// The positions of skipped items, for lookups in logarithmic time.
pub struct SkippedRanges(Vec<Span>);

impl SkippedRanges {
    /// Creates the ranges at `spans`. An item without a position covers the whole part.
    pub fn new(spans: impl IntoIterator<Item = Option<Span>>) -> Self {
        let mut ranges: Vec<_> = spans.into_iter().map(whole).collect();
        ranges.sort_unstable();
        // The end of a range becomes the latest end of all items that begin at or before it.
        let mut end = 0;
        for range in &mut ranges {
            end = end.max(range.end);
            range.end = end;
        }
        Self(ranges)
    }

    /// Returns true if `span` is in one of the ranges.
    #[must_use]
    pub fn contain(&self, span: Option<Span>) -> bool {
        let span = whole(span);
        let before = self.0.partition_point(|range| range.start <= span.start);
        before > 0 && self.0[before - 1].end >= span.end
    }
}

/// Returns the whole part if there is no position.
fn whole(span: Option<Span>) -> Span {
    span.unwrap_or(Span::new(0, usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_an_item_is_found() {
        let ranges = SkippedRanges::new([(20, 30), (2, 10), (3, 5)].map(|(start, end)| Some(Span::new(start, end))));
        for ((start, end), inside) in
            [((2, 10), true), ((6, 9), true), ((0, 3), false), ((9, 11), false), ((15, 16), false), ((30, 30), true)]
        {
            assert_eq!(ranges.contain(Some(Span::new(start, end))), inside, "{start} {end}");
        }
        assert!(!ranges.contain(None) && SkippedRanges::new([None]).contain(None));
    }
}
