//! A disk that fails at any call: the rest is done, the failure is reported, and the exit code is 1
//! (docs/applying.md).

use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;

use super::oracle::{Oracle, is_mark, is_temporary, settled};
use super::tree::{self, Bench, FILES};
use crate::testbed::Suite;
use crate::testbed::trace::{Act, Moment};

/// The errors of a disk, in turn.
const ERRORS: [Errno; 3] = [Errno::EIO, Errno::ENOSPC, Errno::EROFS];

/// The text in every error of a step.
const ERROR_WORDS: &str = "failed to";

/// Refuses one call, each in a separate run, and checks the result: at most `most` paths are missing, and the run
/// reports that. Returns the output of these runs.
fn refuse(bench: &Bench, user_data: &Path, most: usize, picks: impl Fn(&Moment) -> bool) -> Vec<String> {
    let oracle = Oracle::of(bench, user_data);
    let mut refused = Vec::new();
    let mut from = 0;
    loop {
        let tree = bench.tree();
        let errno = ERRORS[refused.len() % ERRORS.len()];
        let mut at = None;
        let end = tree.run(user_data, |moment| {
            // Without the lock nothing is done; it is on no disk.
            let is_of_lock = moment.call.contains("/run/coreos-cloudinit");
            if at.is_none() && moment.number >= from && !is_of_lock && picks(moment) {
                at = Some(moment.clone());
                return Act::Refuse(errno);
            }
            Act::Go
        });
        let Some(moment) = at else { return refused };
        from = moment.number + 1;
        let when = format!("{errno} at {moment:?}");
        oracle.between(&tree, &when);
        let now = settled(&tree);
        // A mark that may not be removed is for the next run.
        let lacking = oracle.new.differences(&now.clone().without(is_mark));
        match end.code {
            // The run managed without the refused call.
            0 => assert!(lacking.is_empty(), "{when}: told to be done:\n{}\n{}", lacking.join("\n"), end.said),
            1 => assert!(end.said.contains(ERROR_WORDS), "{when}: not told:\n{}", end.said),
            code => panic!("{when}: exit code {code}\n{}", end.said),
        }
        assert!(lacking.len() <= most, "{when}: the rest is not done:\n{}\n{}", lacking.join("\n"), end.said);
        // Files that may not be removed stay for the next run.
        if !moment.call.starts_with("unlink") {
            let left: Vec<_> = now.0.keys().filter(|path| is_temporary(path) && !is_mark(path)).collect();
            assert!(left.is_empty(), "{when}: left behind: {left:?}\n{}", end.said);
        }
        oracle.next_run_completes(&tree, user_data, &when);
        refused.push(end.said);
    }
}

pub fn cases(suite: &mut Suite) {
    suite.plain("a_failed_call_fails_only_its_step_and_is_reported", || {
        let began = Instant::now();
        let bench = Bench::new(&FILES);
        // The content of /etc/hosts depends on whether the host name could be set: it is set already.
        let user_data = bench.user_data(&tree::files().replace("hostname: new", "hostname: old"));
        // A directory is missing with all of its files; so is a set of keys.
        let refused = refuse(&bench, &user_data, 7, |moment| moment.number.is_multiple_of(3)).len();
        eprintln!("refused: {refused} calls of files, in {:.1} s", began.elapsed().as_secs_f32());
        assert!(refused > 60, "{refused} calls are few");
    });

    suite.plain("a_call_that_fails_costs_that_user_alone", || {
        let began = Instant::now();
        let bench = Bench::new(&[]);
        let user_data = bench.user_data(&tree::mary());
        let picks = |moment: &Moment| moment.number.is_multiple_of(3);
        let refused = refuse(&bench, &user_data, usize::MAX, picks).len();
        eprintln!("refused: {refused} calls of accounts, in {:.1} s", began.elapsed().as_secs_f32());
        assert!(refused > 30, "{refused} calls are few");
    });
}
