//! The reference for disturbed runs: the state before and after an undisturbed one.

use std::collections::BTreeSet;
use std::path::Path;

use super::tree::{Bench, Tree};
use crate::testbed::state::State;
use crate::testbed::trace::{Act, Moment};

/// Returns the name that a temporary file is for: `.NAME.cci-` and 16 hexadecimal digits.
fn target(path: &Path) -> Option<String> {
    // Only root can see the files of a home that has no name yet.
    if is_staged(path) {
        return None;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (target, digits) = name.strip_prefix('.')?.rsplit_once(".cci-")?;
    (digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| target.to_owned())
}

/// Returns true if the program gives this name to a temporary file.
pub fn is_temporary(path: &Path) -> bool {
    target(path).is_some()
}

/// The marker of a user that is being created.
pub fn is_mark(path: &Path) -> bool {
    HOMES.iter().any(|home| path.ends_with(format!("etc/.useradd-{}.cci", &home["home/".len()..])))
}

/// Returns true for files of the distribution's tools beside the account files: locks, copies, temporary names.
fn is_of_tools(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, suffix) = name.rsplit_once(['.', '-', '+']).unwrap_or((&name, "."));
    path.parent() == Some(Path::new("etc"))
        && (name == ".pwd.lock"
            || ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"].contains(&stem)
                && (suffix.is_empty() || suffix == "lock" || suffix.bytes().all(|byte| byte.is_ascii_digit())))
}

/// The account files, and the homes of the created users.
pub const ACCOUNTS: [&str; 6] = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid"];
pub const HOMES: [&str; 2] = ["home/mary", "home/john"];

/// Returns true for files in the directory in which a home is filled before it gets its name, which only root can
/// enter.
pub fn is_staged(path: &Path) -> bool {
    let beside = path.strip_prefix("home").ok().and_then(|path| path.components().next());
    let name = beside.map(|name| name.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
    HOMES.iter().any(|home| name.starts_with(&format!("{}.cci-", home.replace("home/", "."))))
}

/// Checks that an account file has all old lines and no partial line; the error names one.
fn accounts_between(now: &[u8], old: &[u8], new: &[u8]) -> Result<(), String> {
    let [now, old, new] = [now, old, new].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let key = |line: &str| (line.split(':').next().unwrap_or_default().to_owned(), line.split(':').count());
    let keys = |text: &str| text.lines().map(key).collect::<BTreeSet<_>>();
    let (is, was, will_be) = (keys(&now), keys(&old), keys(&new));
    let lost = was.difference(&is).next().map(|line| format!("lost {line:?}"));
    let odd = is.difference(&will_be).next().map(|line| format!("odd {line:?}"));
    let cut = (!now.is_empty() && !now.ends_with('\n')).then(|| "cut".to_owned());
    lost.or(odd).or(cut).map_or(Ok(()), Err)
}

/// Returns the permanent result of a run.
pub fn settled(tree: &Tree) -> State {
    tree.state().without(|path| is_of_tools(path) || is_staged(path))
}

/// The state before and after an undisturbed run, and the number of its moments.
pub struct Oracle {
    pub old: State,
    pub new: State,
    pub moments: usize,
}

impl Oracle {
    pub fn of(bench: &Bench, user_data: &Path) -> Self {
        let tree = bench.tree();
        let end = tree.run(user_data, |_| Act::Go);
        assert_eq!(end.code, 0, "{}", end.said);
        let new = settled(&tree);
        let temporary: Vec<_> = new.0.keys().filter(|path| is_temporary(path)).collect();
        assert!(temporary.is_empty(), "left by a run that nobody disturbed: {temporary:?}");
        Self { old: bench.old.clone(), new, moments: end.moments }
    }

    /// Checks that every file is the old or the new one, and that temporary files have mode 0600.
    #[track_caller]
    pub fn between(&self, tree: &Tree, when: &str) {
        // A user that is being created is marked; the next run has to remove the marker.
        let now = settled(tree).without(is_mark);
        for (path, entry) in &now.0 {
            let Some(target) = target(path) else { continue };
            let target = path.with_file_name(target);
            let wanted = self.new.0.get(&target).unwrap_or_else(|| panic!("{when}: {} is nobody's", path.display()));
            let closed = entry.mode & 0o7777 == 0o600;
            // An account file is written several times, and never less closed than it is.
            let is_of_accounts = ACCOUNTS.iter().any(|file| target == Path::new(file)) && entry.mode == wanted.mode;
            assert!(
                closed || is_of_accounts || entry == wanted,
                "{when}: {} has mode {:o}",
                path.display(),
                entry.mode
            );
        }
        for path in ACCOUNTS.map(Path::new) {
            let [is, was, will_be] = [&now, &self.old, &self.new].map(|state| state.0.get(path));
            let (is, was, will_be) =
                (is.expect("it is there"), was.expect("it is there"), will_be.expect("it is there"));
            assert_eq!((is.mode, is.owner), (was.mode, was.owner), "{when}: {}", path.display());
            accounts_between(&is.content, &was.content, &will_be.content)
                .unwrap_or_else(|line| panic!("{when}: {}: {line}", path.display()));
        }
        // Of a home that is being made, only the keys are of ours.
        let made_by_tools = |path: &Path| {
            ACCOUNTS.iter().any(|known| path == Path::new(known))
                || HOMES.iter().any(|home| path.starts_with(home) && !path.starts_with(Path::new(home).join(".ssh")))
                || is_staged(path)
        };
        let left_out = |path: &Path| is_temporary(path) || made_by_tools(path);
        let [now, old, new] = [now, self.old.clone(), self.new.clone()].map(|state| state.without(left_out));
        let strays = now.strays(&old, &new);
        assert!(strays.is_empty(), "{when}:\n{}", strays.join("\n"));
    }

    /// Checks that the next run completes the work, and removes leftovers.
    #[track_caller]
    pub fn next_run_completes(&self, tree: &Tree, user_data: &Path, when: &str) {
        let next = tree.finish(user_data);
        let printed = String::from_utf8_lossy(&next.stderr);
        assert!(next.status.success(), "{when}: the next run fails:\n{printed}");
        let differences = self.new.differences(&settled(tree));
        assert!(differences.is_empty(), "{when}: after the next run:\n{}\n{printed}", differences.join("\n"));
    }

    /// Kills a run at the moments that `picks`, each in a tree of its own; how many that were.
    #[track_caller]
    pub fn kill(&self, bench: &Bench, user_data: &Path, act: Act, picks: impl Fn(&Moment) -> bool) -> usize {
        let next = |tree: &Tree, when: &str| self.next_run_completes(tree, user_data, when);
        self.kill_and(bench, user_data, |moment| if picks(moment) { act } else { Act::Go }, next)
    }

    /// Kills runs as [`Self::kill`] does, with the action that `does` returns for a call: one per tree, except for
    /// refused calls. `next` checks each tree.
    #[track_caller]
    pub fn kill_and(
        &self,
        bench: &Bench,
        user_data: &Path,
        does: impl Fn(&Moment) -> Act,
        next: impl Fn(&Tree, &str),
    ) -> usize {
        let mut killed = 0;
        let mut from = Some(0);
        while let Some(number) = from {
            let tree = bench.tree();
            let mut at = None;
            from = None;
            let end = tree.run(user_data, |moment| match does(moment) {
                refused @ Act::Refuse(_) => refused,
                act if at.is_none() && moment.number >= number && !matches!(act, Act::Go) => {
                    at = Some(moment.clone());
                    act
                }
                _ => Act::Go,
            });
            if let Some(moment) = at {
                let when = format!("killed at {moment:?}");
                assert_ne!(end.code, 0, "{when}");
                self.between(&tree, &when);
                next(&tree, &when);
                from = Some(moment.number + 1);
                killed += 1;
            }
        }
        killed
    }
}
