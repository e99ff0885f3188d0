//! The facts about the machine that a plan depends on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::host::Host;
use cloud_config::document::Document;
use cloud_config::plan::{self, BaseFile, Facts};

/// Returns the facts that planning the part needs.
pub(super) fn facts(document: &Document, host: &Host<'_>, hostname: Option<&str>) -> Facts {
    let mut facts = Facts::default();
    let wanted = plan::facts_wanted(&document.config);
    if !wanted.is_empty() {
        facts.hostname = hostname.map_or_else(|| host.hostname(), str::to_owned);
    }
    for path in wanted {
        match host.read_with_mode(Path::new(path)) {
            Ok(Some((content, mode))) => drop(facts.files.insert(path, Ok(BaseFile { content, mode }))),
            Ok(None) => {}
            Err(error) => drop(facts.files.insert(path, Err(format!("{error:#}")))),
        }
    }
    facts.read_only = read_only(document, host);
    facts
}

/// Returns the directories on a read-only file system that the part writes files into.
pub(super) fn read_only(document: &Document, host: &Host<'_>) -> BTreeSet<PathBuf> {
    plan::wanted_directories(&document.config).into_iter().filter(|directory| host.is_read_only(directory)).collect()
}
