//! Killed at any moment: every file is the old one or the new one, whole, and the next run does the rest
//! (docs/cloud-config.md#write_files).

mod oracle;
mod refused;
mod systemd;
mod tree;

use std::fs;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;

use crate::testbed::Suite;
use crate::testbed::trace::{Act, Moment, NAMELESS};
use oracle::{ACCOUNTS, HOMES, Oracle, is_temporary, settled};
pub use refused::cases as refusals;
use tree::{Bench, FILES, Tree};

/// Returns true if a call before this one can have a visible effect: the content of an unnamed file has none.
fn shows(moment: &Moment) -> bool {
    let hidden = moment.call == NAMELESS || moment.call.ends_with("(deleted)") || moment.call.starts_with("fsync");
    !hidden || moment.number.is_multiple_of(3)
}

pub fn cases(suite: &mut Suite) {
    systemd::cases(suite);
    suite.plain("at_every_call_each_file_is_the_old_or_the_new_one", || {
        let bench = Bench::new(&FILES);
        let user_data = bench.user_data(&tree::files());
        let oracle = Oracle::of(&bench, &user_data);
        // A file system that has everything, and those without unnamed files and without hard links.
        let refusals = [None, Some((NAMELESS, Errno::EOPNOTSUPP))];
        let links = [Errno::EPERM, Errno::EOPNOTSUPP, Errno::EMLINK, Errno::EXDEV].map(|errno| Some(("linkat", errno)));
        for refusal in refusals.into_iter().chain(links) {
            let tree = bench.tree();
            let mut refused = 0;
            let end = tree.run(&user_data, |moment| {
                oracle.between(&tree, &format!("{refusal:?}: {moment:?}"));
                match refusal {
                    Some((call, errno)) if moment.call.starts_with(call) => {
                        refused += 1;
                        Act::Refuse(errno)
                    }
                    _ => Act::Go,
                }
            });
            assert_eq!((end.code, refused > 20), (0, refusal.is_some()), "{refusal:?}: {refused}: {}", end.said);
            let differences = oracle.new.differences(&settled(&tree));
            assert!(differences.is_empty(), "{}", differences.join("\n"));
            assert!(end.moments > 180, "{} moments are few", end.moments);
        }
    });

    suite.plain("files_survive_a_kill_at_any_call", || {
        let began = Instant::now();
        let bench = Bench::new(&FILES);
        let user_data = bench.user_data(&tree::files());
        let oracle = Oracle::of(&bench, &user_data);
        let killed = oracle.kill(&bench, &user_data, Act::KillAll, shows);
        eprintln!("killed: {killed} times while files were written, in {:.1} s", began.elapsed().as_secs_f32());
        assert!(killed > 100, "{killed} of {} moments are few", oracle.moments);
    });

    suite.plain("accounts_survive_a_kill_at_any_call", || {
        let began = Instant::now();
        let bench = Bench::new(&[]);
        let user_data = bench.user_data(&tree::mary_and_john());
        let oracle = Oracle::of(&bench, &user_data);
        let killed = oracle.kill(&bench, &user_data, Act::KillAll, |moment| moment.number.is_multiple_of(4));
        eprintln!("killed: {killed} times while accounts were made, in {:.1} s", began.elapsed().as_secs_f32());
        assert!(killed > 80, "{killed} of {} moments are few", oracle.moments);
    });

    suite.plain("no_temporary_file_of_a_dropped_item_stays", || {
        let bench = Bench::new(&FILES);
        let asked = bench.user_data(&format!("{}\n{}", tree::files(), tree::two_users()));
        let oracle = Oracle::of(&bench, &asked);
        let other = asked.with_file_name("other");
        fs::write(&other, "#cloud-config\nhostname: new\n").expect("we are root");
        let next = |tree: &Tree, when: &str| {
            let run = tree.finish(&other);
            let printed = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{when}: the next run fails:\n{printed}");
            let now = settled(tree);
            let left: Vec<_> = now.0.keys().filter(|path| is_temporary(path)).collect();
            assert!(left.is_empty(), "{when}: left behind: {left:?}\n{printed}");
            // Accounts that are not listed any more stay as they are, with a home that had no name yet.
            let of_accounts = |path: &Path| {
                ACCOUNTS.iter().any(|file| path == Path::new(file)) || HOMES.iter().any(|home| path.starts_with(home))
            };
            let [is, old, new] = [&now, &oracle.old, &oracle.new].map(|state| state.clone().without(of_accounts));
            let strays = is.strays(&old, &new);
            assert!(strays.is_empty(), "{when}:\n{}\n{printed}", strays.join("\n"));
        };
        for refused in ["nothing", NAMELESS, "linkat"] {
            let nameless = refused == "nothing";
            let does = |moment: &Moment| match &moment.call {
                call if call.starts_with(refused) => Act::Refuse(Errno::EOPNOTSUPP),
                call if call.contains(".cci") => Act::KillAll,
                _ if !moment.is_ours() && nameless && moment.number.is_multiple_of(7) => Act::KillAll,
                _ => Act::Go,
            };
            let killed = oracle.kill_and(&bench, &asked, does, next);
            assert!(killed > 20, "{killed} moments are few");
        }
    });
}
