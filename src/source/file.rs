//! `--from-file`: user-data from a file, which may not exist yet (docs/datasources.md).

use std::path::PathBuf;

use anyhow::Result;

use super::{Availability, Context, Datasource, MetaData, files};

/// A file with user-data.
pub struct File {
    path: PathBuf,
}

impl File {
    /// Creates the source for the file at `path`, which may be a pipe.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Datasource for File {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        files::exists(&self.path)
    }

    fn is_at_hand(&self) -> bool {
        files::is_at_hand(&self.path)
    }

    fn meta_data(&self, _: &Context<'_>) -> MetaData {
        MetaData::default()
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        files::read_named(&self.path, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;
    use crate::source::{Candidate, Policy, Setup, choose};
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    /// Returns the name and the content of the file, and waits until `patience` for it to exist.
    fn fetch(path: &Path, patience: Deadline, stop: &dyn Fn() -> bool) -> Result<(String, Vec<u8>)> {
        let policy = Policy::waiting(!patience.passed());
        let deadline = if policy.look.again { patience } else { Deadline::after(policy.read) };
        let setup = Setup::new(policy, deadline);
        let cx = Context { setup: &setup, stop };
        let source = choose(vec![Candidate { source: Arc::new(File::new(path)), waits: true }], &cx)?;
        Ok((source.name(), source.user_data(&cx)?))
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(300))
    }

    #[test]
    fn a_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user-data");
        fs::write(&path, "#cloud-config\n").unwrap();
        let (name, bytes) = fetch(&path, soon(), &|| false).unwrap();
        assert_eq!(bytes, b"#cloud-config\n");
        assert_eq!(name, path.display().to_string());
    }

    #[test]
    fn a_file_that_appears_later_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("late");
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(250));
                fs::write(path, "x").unwrap();
            })
        };
        let fetched = fetch(&path, Deadline::after(Duration::from_secs(20)), &|| false);
        writer.join().unwrap();
        assert!(fetched.is_ok(), "{fetched:?}");
    }

    #[test]
    fn an_unreadable_file_is_an_error_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let error = |path: &Path, patience| fetch(path, patience, &|| false).unwrap_err().to_string();
        let none = directory.path().join("none");
        let bare = format!("{} does not exist", none.display());
        assert_eq!(error(&none, Deadline::after(Duration::ZERO)), bare, "who did not wait says nothing of time");
        assert_eq!(error(&none, soon()), format!("no data source available in time: {bare}"));
        assert!(error(directory.path(), soon()).contains("is a directory"));
        let big = directory.path().join("big");
        fs::File::create(&big).unwrap().set_len((16 << 20) + 1).unwrap();
        assert!(error(&big, soon()).contains("more than 16 MiB"));
    }

    #[test]
    fn waiting_ends_on_a_stop_request() {
        let directory = tempfile::tempdir().unwrap();
        let error = fetch(&directory.path().join("none"), Deadline::after(Duration::from_secs(60)), &|| true);
        assert!(error.unwrap_err().to_string().starts_with("stopped"));
    }
}
