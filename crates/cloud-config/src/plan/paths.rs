//! Merges steps for the same path: the last one is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{FileSpec, Planned, Step, UnitPath};
use crate::diagnostic::Span;

/// The paths of a part with one step each, in the order of the last request for each path.
#[derive(Default)]
pub(super) struct ClaimedPaths {
    steps: Vec<Option<Planned>>,
    at: HashMap<PathBuf, usize>,
}

impl ClaimedPaths {
    /// Returns the content of the file that is planned for `path` so far.
    pub fn content(&self, path: &Path) -> Option<&[u8]> {
        match &self.planned_at(path)?.step {
            Step::WriteFile(file) => Some(file.content.expose()),
            _ => None,
        }
    }

    /// Returns true if a file is planned for `path`.
    pub fn has_file(&self, path: &Path) -> bool {
        self.content(path).is_some()
    }

    pub fn write(&mut self, file: FileSpec, span: Option<Span>) {
        self.insert(file.path.clone(), Planned { step: Step::WriteFile(file), span });
    }

    pub fn mask(&mut self, place: UnitPath, span: Option<Span>) {
        self.insert(place.path.clone(), Planned { step: Step::MaskUnit(place), span });
    }

    /// Plans the removal of a mask. A planned file with content is not a mask and is kept; a planned mask is removed.
    pub fn unmask(&mut self, place: UnitPath, span: Option<Span>) {
        if self.content(&place.path).is_none_or(<[u8]>::is_empty) {
            self.insert(place.path.clone(), Planned { step: Step::UnmaskUnit(place), span });
        }
    }

    pub fn into_steps(self) -> impl Iterator<Item = Planned> {
        self.steps.into_iter().flatten()
    }

    fn planned_at(&self, path: &Path) -> Option<&Planned> {
        self.steps[*self.at.get(path)?].as_ref()
    }

    fn insert(&mut self, path: PathBuf, planned: Planned) {
        if let Some(earlier) = self.at.insert(path, self.steps.len()) {
            self.steps[earlier] = None;
        }
        self.steps.push(Some(planned));
    }
}
