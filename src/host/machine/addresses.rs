//! The known addresses in `/etc/environment`.

use std::path::Path;

use anyhow::Result;

use super::{Host, root_file};
use crate::host::files;
use crate::outcome::StepResult;
use cloud_config::plan::{ENVIRONMENT, Environment, text_files};

impl Host<'_> {
    /// Returns the content of `/etc/environment` with the new values, and its mode, which is kept: existing values may
    /// be secret.
    pub(super) fn merged(&self, environment: &Environment) -> Result<(Vec<u8>, u32)> {
        let old = self.read_with_mode(Path::new(ENVIRONMENT))?;
        let (old, mode) = old.unwrap_or_else(|| (Vec::new(), 0o644));
        Ok((text_files::set_variables(&old, &environment.values), 0o644 & mode))
    }

    pub(super) fn merge_environment(&self, environment: &Environment) -> Result<StepResult> {
        let (content, mode) = self.merged(environment)?;
        files::write(&self.root, root_file(Path::new(ENVIRONMENT), &content, mode))
    }
}
