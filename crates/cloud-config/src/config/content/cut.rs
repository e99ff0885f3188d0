//! Content that a document marker (`---` or `...`) ends.

use super::{ContentOwner, is_name_of_key, is_structure, width};
use crate::config::CloudConfig;
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml;

/// Refuses the items whose content contains one of these positions, which are sorted.
pub fn refuse_cut_content(config: &mut CloudConfig, places: &[usize]) {
    let is_cut = |span: Option<Span>| {
        span.is_some_and(|span| {
            places.get(places.partition_point(|at| *at < span.start)).is_some_and(|at| *at < span.end)
        })
    };
    for file in config.write_files.iter_mut().filter_map(|file| file.value.as_mut()) {
        file.content.bad |= is_cut(file.content.span);
    }
    for unit in config.coreos.units.iter_mut().filter_map(|unit| unit.value.as_mut()) {
        unit.content.bad |= is_cut(unit.content.span);
        for drop_in in unit.drop_ins.iter_mut().filter_map(|drop_in| drop_in.value.as_mut()) {
            drop_in.content.bad |= is_cut(drop_in.content.span);
        }
    }
}

/// Reports a block scalar that ends at a marker with more text in the first column below it.
pub(super) fn cut_off(kind: ContentOwner, text: &str, span: Span) -> Option<Finding> {
    let mut at = text.get(span.end..)?.find('\n')? + span.end + 1;
    let mut marker = None;
    for line in text[at..].split_inclusive('\n') {
        let trimmed = line.trim();
        if yaml::is_marker(line) {
            marker = marker.or(Some(Span::new(at, at + 3)));
        } else if !trimmed.is_empty() && (marker.is_none() || !trimmed.starts_with('#')) {
            let span =
                marker.filter(|_| width(line) == 0 && !is_structure(kind, trimmed) && !is_name_of_key(trimmed))?;
            let message = format!("this line ends the document and the content; {} skipped", kind.word());
            let help = "indent this line and the lines below it as the text above, if they are part of the content";
            return Some(Finding::new(&rules::LOST_CONTENT, span, message).help(help));
        }
        at += line.len();
    }
    None
}
