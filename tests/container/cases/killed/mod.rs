//! Killed at any moment: every file is the old one or the new one, whole, and the next run does the rest (spec §6).

mod oracle;
mod refused;
mod systemd;
mod tree;

use std::time::Instant;

use nix::errno::Errno;

use crate::testbed::Suite;
use crate::testbed::trace::{Act, Moment, NAMELESS};
use oracle::{Oracle, settled};
pub use refused::cases as refusals;
use tree::{Bench, FILES};

/// Whether a call before this one can have left something that shows: what is in a file without a name does not.
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
        for nameless in [true, false] {
            let tree = bench.tree();
            let end = tree.run(&user_data, |moment| {
                oracle.between(&tree, &format!("{moment:?}"));
                let refused = !nameless && moment.call == NAMELESS;
                if refused { Act::Refuse(Errno::EOPNOTSUPP) } else { Act::Go }
            });
            assert_eq!(end.code, 0, "{}", end.said);
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

    suite.plain("accounts_survive_a_kill_of_a_tool_or_of_the_program_alone", || {
        let began = Instant::now();
        let bench = Bench::new(&[]);
        let user_data = bench.user_data(&tree::mary());
        let oracle = Oracle::of(&bench, &user_data);
        let tools = |moment: &Moment| !moment.is_ours() && moment.number.is_multiple_of(9);
        let killed = oracle.kill(&bench, &user_data, Act::KillCaller, tools)
            + oracle.kill(&bench, &user_data, Act::KillProgram, tools);
        eprintln!("killed: {killed} times one of them alone, in {:.1} s", began.elapsed().as_secs_f32());
        assert!(killed > 25, "{killed} of {} moments are few", oracle.moments);
    });
}
