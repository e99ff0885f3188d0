//! Applies plans on a machine that only records its calls.

use anyhow::bail;

use super::*;
use cloud_config::config::Verb;
use cloud_config::plan::{Account, FileSpec, Owner, Refused, Reload, UnitCommand, UnitPath, UnitScope};
use cloud_config::text::Lines;
use cloud_config::text::secret::Secret;

/// Fails the steps whose words hold one of `broken`, panics at those of `panics`, and finds those of `same` unchanged.
#[derive(Default)]
struct Fake {
    broken: Vec<&'static str>,
    panics: Vec<&'static str>,
    same: Vec<&'static str>,
    asked: Vec<String>,
    seen: Vec<(Vec<String>, bool, bool)>,
    halt_after: Option<usize>,
    users: Vec<&'static str>,
}

impl Fake {
    fn answer(&mut self, words: String) -> Result<StepResult> {
        let holds = |list: &[&str]| list.iter().any(|word| words.contains(word));
        assert!(!holds(&self.panics), "hunter2");
        let result = if holds(&self.broken) {
            Err(anyhow::anyhow!("failed to {words}"))
        } else if holds(&self.same) {
            Ok(StepResult::Unchanged)
        } else {
            Ok(StepResult::Done)
        };
        self.asked.push(words);
        result
    }
}

impl Executor for Fake {
    fn write_files(&mut self, files: &[&FileSpec], state: &ApplyState) -> Vec<Result<StepResult>> {
        self.asked.push(format!("batch of {}", files.len()));
        let owned = |file: &FileSpec| match &file.owner.user {
            Some(user) if state.failed_users.contains(&user.to_string()) => Some(user.to_string()),
            _ => None,
        };
        files
            .iter()
            .map(|file| match owned(file) {
                Some(user) => Ok(StepResult::DependencyFailed(format!("user {user} could not be created"))),
                None => self.answer(format!("write {}", file.path.display())),
            })
            .collect()
    }

    fn perform(&mut self, step: &Step, state: &ApplyState) -> Result<StepResult> {
        self.seen.push((state.changed_units.clone(), state.links_changed, state.networkd_changed));
        self.answer(step.to_string())
    }

    fn begin_hostname(&mut self, name: &str) -> Result<Option<StepResult>> {
        if name == "same" {
            return Ok(Some(StepResult::Unchanged));
        }
        self.asked.push(format!("begin host name {name}"));
        Ok(None)
    }

    fn finish_hostname(&mut self) -> (Result<StepResult>, Duration) {
        (self.answer("finish host name".to_owned()), Duration::from_millis(7))
    }

    fn has_user(&self, name: &str) -> bool {
        self.users.contains(&name)
    }

    fn release(&mut self) {
        self.asked.push("release".to_owned());
    }

    fn halted(&self) -> Option<String> {
        let asked = self.asked.iter().filter(|words| *words != "release").count();
        self.halt_after.filter(|most| asked >= *most).map(|_| "the run was stopped by a signal".to_owned())
    }
}

fn file(path: &str, unit: Option<&str>, owner: Option<&str>) -> Step {
    Step::WriteFile(FileSpec {
        path: path.into(),
        content: Secret::new(Vec::new()),
        mode: 0o644,
        owner: Owner { user: owner.map(|name| cloud_config::plan::Principal::Name(name.to_owned())), ..Owner::ROOT },
        unit: unit.map(str::to_owned),
        needs: None,
    })
}

fn user(name: &str) -> Step {
    Step::EnsureUser(Account { name: name.to_owned(), ..Account::default() })
}

fn keys(user: &str) -> KeySet {
    KeySet { user: user.to_owned(), set: "s".to_owned(), keys: vec!["k".to_owned()] }
}

fn enable(unit: &str) -> Step {
    Step::EnableUnit(UnitScope { unit: unit.to_owned(), runtime: false })
}

fn start(unit: &str) -> Step {
    Step::UnitCommand(UnitCommand { unit: unit.to_owned(), verb: Verb::Start })
}

fn reload() -> Step {
    Step::ReloadDaemon(Reload { units: Vec::new() })
}

fn plan(steps: Vec<Step>, refused: Vec<Item>) -> Plan {
    Plan {
        steps: steps.into_iter().map(|step| Planned { step, span: None }).collect(),
        refused: refused.into_iter().map(|item| Refused { item, span: None, redacted: false }).collect(),
        findings: Vec::new(),
    }
}

/// Applies a plan; returns a word and a step each.
fn done(plan: &Plan, machine: &mut Fake, state: &mut ApplyState) -> Vec<String> {
    let lines = Lines::new(b"");
    let word = |result: &StepResult| match result {
        StepResult::Done => "done",
        StepResult::Unchanged => "unchanged",
        StepResult::Skipped(_) => "skipped",
        StepResult::Queued(_) => "queued",
        StepResult::DependencyFailed(_) => "dependency failed",
        StepResult::Failed(_) => "failed",
    };
    let brief = |step: &str| step.split(" (").next().unwrap_or_default().to_owned();
    apply(plan, machine, state, Reporter { name: "x", lines: &lines })
        .iter()
        .map(|outcome| format!("{}: {}", word(&outcome.result), brief(&outcome.step)))
        .collect()
}

fn outcome(plan: &Plan, mut machine: Fake) -> Vec<String> {
    done(plan, &mut machine, &mut ApplyState::default())
}

#[test]
fn files_are_written_in_one_batch_and_reported_in_order() {
    let mut machine = Fake::default();
    let mask = Step::MaskUnit(UnitPath { unit: "m".to_owned(), path: "/etc/systemd/system/m".into() });
    let plan = plan(vec![user("a"), file("/1", None, None), mask, file("/2", None, None)], Vec::new());
    let results = done(&plan, &mut machine, &mut ApplyState::default());
    assert_eq!(results, ["done: ensure user a", "done: write /1", "done: mask m", "done: write /2"]);
    assert_eq!(machine.asked[1], "batch of 2");
}

#[test]
fn a_step_that_needs_a_failed_one_is_left_out_and_the_rest_is_done() {
    let steps = vec![
        user("a"),
        user("b"),
        Step::AuthorizeKeys(keys("a")),
        Step::AuthorizeKeys(keys("b")),
        file("/of-a", None, Some("a")),
        file("/of-b", None, Some("b")),
        file("/etc/systemd/system/u.service", Some("u.service"), None),
        enable("u.service"),
        enable("v.service"),
        start("u.service"),
        start("v.service"),
    ];
    let machine = Fake { broken: vec!["ensure user a", "write /etc/systemd/system/u.service"], ..Fake::default() };
    assert_eq!(
        outcome(&plan(steps, Vec::new()), machine),
        [
            "failed: ensure user a",
            "done: ensure user b",
            "dependency failed: authorize 1 key of user a",
            "done: authorize 1 key of user b",
            "dependency failed: write /of-a",
            "done: write /of-b",
            "failed: write /etc/systemd/system/u.service",
            "dependency failed: enable u.service",
            "done: enable v.service",
            "dependency failed: start u.service",
            "done: start v.service",
        ]
    );
}

#[test]
fn a_step_that_needs_a_refused_item_is_left_out() {
    let refused = vec![
        Item::User("a".to_owned()),
        Item::Unit("u.service".to_owned()),
        Item::DropIn { unit: "v.service".to_owned(), name: "d".to_owned() },
        Item::Command("w.service".to_owned()),
    ];
    let steps = vec![Step::AuthorizeKeys(keys("a")), start("u.service"), start("v.service"), start("w.service")];
    assert_eq!(
        outcome(&plan(steps, refused), Fake::default()),
        [
            "dependency failed: authorize 1 key of user a",
            "dependency failed: start u.service",
            "dependency failed: start v.service",
            "done: start w.service",
        ]
    );
}

#[test]
fn an_existing_user_gets_keys_whatever_else_failed() {
    let broken = || Fake { broken: vec!["ensure user a"], users: vec!["a"], ..Fake::default() };
    let steps = || vec![Step::AuthorizeKeys(keys("a")), file("/of-a", None, Some("a"))];
    let after = [vec![user("a")], steps()].concat();
    assert_eq!(
        outcome(&plan(after, Vec::new()), broken()),
        ["failed: ensure user a", "done: authorize 1 key of user a", "done: write /of-a"]
    );
    assert_eq!(
        outcome(&plan(steps(), vec![Item::User("a".to_owned())]), broken()),
        ["done: authorize 1 key of user a", "done: write /of-a"]
    );
}

#[test]
fn later_steps_know_what_changed() {
    let mut machine = Fake { same: vec!["b.service"], ..Fake::default() };
    let steps = vec![
        file("/etc/systemd/system/a.service", Some("a.service"), None),
        file("/etc/systemd/system/b.service", Some("b.service"), None),
        file("/etc/systemd/system/c.service.d/x.conf", None, None),
        file("/etc/systemd/network/n.network", Some("n.network"), None),
        enable("b.service"),
        reload(),
    ];
    done(&plan(steps, Vec::new()), &mut machine, &mut ApplyState::default());
    let changed = vec!["a.service".to_owned(), "c.service".to_owned()];
    assert_eq!(machine.seen, [(changed.clone(), false, true), (changed, false, true)], "enabling changed no link");
}

#[test]
fn the_lock_is_let_go_before_jobs_are_waited_for() {
    let mut machine = Fake::default();
    done(&plan(vec![reload(), start("a.service")], Vec::new()), &mut machine, &mut ApplyState::default());
    assert_eq!(machine.asked, ["daemon-reload, if a unit file changed", "release", "start a.service"]);
}

#[test]
fn keys_of_core_are_set_right_after_it_is_made() {
    let mut state = ApplyState { deferred_keys: Some(keys(CORE)), ..ApplyState::default() };
    let results = done(&plan(vec![user(CORE), user("a")], Vec::new()), &mut Fake::default(), &mut state);
    assert_eq!(results, ["done: ensure user core", "done: authorize 1 key of user core", "done: ensure user a"]);
    assert!(state.deferred_keys.is_none());

    let mut state = ApplyState { deferred_keys: Some(keys(CORE)), ..ApplyState::default() };
    let mut machine = Fake { broken: vec!["ensure user core"], ..Fake::default() };
    done(&plan(vec![user(CORE)], Vec::new()), &mut machine, &mut state);
    assert!(state.deferred_keys.is_some(), "they are not forgotten");
}

#[test]
fn addresses_are_merged_where_the_file_that_was_to_have_them_failed() {
    let waiting = || ApplyState {
        deferred_environment: Some(Environment { values: [("A", "b".to_owned())].into() }),
        ..ApplyState::default()
    };
    let plan = plan(vec![file("/etc/environment", None, None), start("a.service")], Vec::new());
    let results = done(&plan, &mut Fake::default(), &mut waiting());
    assert_eq!(results, ["done: write /etc/environment", "done: start a.service"]);
    let mut machine = Fake { broken: vec!["write /etc/environment"], ..Fake::default() };
    let results = done(&plan, &mut machine, &mut waiting());
    let merged = "done: merge A into /etc/environment";
    assert_eq!(results, ["failed: write /etc/environment", merged, "done: start a.service"]);
}

#[test]
fn nothing_is_begun_once_the_run_is_to_stop() {
    let machine = Fake { halt_after: Some(1), ..Fake::default() };
    let steps = vec![user("a"), user("b"), file("/1", None, None), start("a.service")];
    assert_eq!(
        outcome(&plan(steps, Vec::new()), machine),
        [
            "done: ensure user a",
            "dependency failed: ensure user b",
            "dependency failed: write /1",
            "dependency failed: start a.service",
        ]
    );
}

#[test]
fn access_steps_run_though_the_run_is_to_stop() {
    let mut machine = Fake { halt_after: Some(0), ..Fake::default() };
    let (mut state, lines) = (ApplyState::default(), Lines::new(b""));
    let steps = plan(vec![Step::AuthorizeKeys(keys("core"))], Vec::new()).steps;
    let results = access(&steps, &mut machine, &mut state, Reporter { name: "meta-data", lines: &lines });
    assert!(matches!(results[0].result, StepResult::Done), "{results:?}");
}

#[test]
fn one_part_does_not_see_what_changed_in_another() {
    let mut machine = Fake::default();
    let mut state = ApplyState::default();
    done(
        &plan(vec![file("/etc/systemd/system/a.service", None, None), reload()], Vec::new()),
        &mut machine,
        &mut state,
    );
    done(&plan(vec![reload()], Vec::new()), &mut machine, &mut state);
    let results: Vec<_> = machine.seen.iter().map(|(units, ..)| units.len()).collect();
    assert_eq!(results, [1, 0]);
}

#[test]
fn a_missing_answer_is_a_failure() {
    struct Silent;
    impl Executor for Silent {
        fn write_files(&mut self, _: &[&FileSpec], _: &ApplyState) -> Vec<Result<StepResult>> {
            Vec::new()
        }
        fn perform(&mut self, _: &Step, _: &ApplyState) -> Result<StepResult> {
            bail!("not asked")
        }
        fn begin_hostname(&mut self, _: &str) -> Result<Option<StepResult>> {
            bail!("not asked")
        }
        fn finish_hostname(&mut self) -> (Result<StepResult>, Duration) {
            (Err(anyhow::anyhow!("not asked")), Duration::ZERO)
        }
        fn has_user(&self, _: &str) -> bool {
            false
        }
        fn release(&mut self) {}
        fn halted(&self) -> Option<String> {
            None
        }
    }
    let lines = Lines::new(b"");
    let plan = plan(vec![file("/1", None, None)], Vec::new());
    let results = apply(&plan, &mut Silent, &mut ApplyState::default(), Reporter { name: "x", lines: &lines });
    assert!(results[0].result.is_failure());
}

#[test]
fn a_panic_costs_its_step_alone() {
    let steps = || vec![user("a"), file("/1", None, None), enable("u.service"), start("v.service")];
    let machine = Fake { panics: vec!["enable u.service"], ..Fake::default() };
    let results = ["done: ensure user a", "done: write /1", "failed: enable u.service", "done: start v.service"];
    assert_eq!(outcome(&plan(steps(), Vec::new()), machine), results);
    let machine = Fake { panics: vec!["write /1"], ..Fake::default() };
    let results = ["done: ensure user a", "failed: write /1", "done: enable u.service", "done: start v.service"];
    assert_eq!(outcome(&plan(steps(), Vec::new()), machine), results);
    let error = internal_error(&file("/1", None, None)).to_string();
    assert!(error.starts_with("failed to write /1 (") && error.ends_with(": internal error"), "{error}");
}

fn needing(path: &str, unit: &str, needs: &str) -> Step {
    match file(path, Some(unit), None) {
        Step::WriteFile(file) => Step::WriteFile(FileSpec { needs: Some(needs.into()), ..file }),
        other => other,
    }
}

fn remove(unit: &str) -> Step {
    Step::RemoveEnvironment(UnitPath { unit: unit.to_owned(), path: format!("/env/{unit}").into() })
}

#[test]
fn a_file_is_written_after_the_one_it_needs_and_not_without_it() {
    let steps =
        || vec![file("/1", None, None), file("/env/u", Some("u"), None), needing("/u.d", "u", "/env/u"), start("u")];
    let mut machine = Fake::default();
    done(&plan(steps(), Vec::new()), &mut machine, &mut ApplyState::default());
    assert_eq!(machine.asked[..5], ["batch of 1", "write /env/u", "batch of 2", "write /1", "write /u.d"]);
    let mut machine = Fake { broken: vec!["/env/u"], ..Fake::default() };
    let results = done(&plan(steps(), Vec::new()), &mut machine, &mut ApplyState::default());
    assert_eq!(
        results,
        ["done: write /1", "failed: write /env/u", "dependency failed: write /u.d", "dependency failed: start u"]
    );
    assert!(
        !machine.asked.iter().any(|asked| asked.contains("/u.d") || asked.contains("start")),
        "{:?}",
        machine.asked
    );
}

#[test]
fn an_environment_file_stays_while_systemd_may_still_read_it() {
    let steps = || vec![file("/u.d", Some("u"), None), reload(), remove("u")];
    let results = |broken: &[&'static str]| {
        outcome(&plan(steps(), Vec::new()), Fake { broken: broken.to_vec(), ..Fake::default() })
    };
    assert_eq!(results(&[])[2], "done: remove /env/u if it exists");
    assert_eq!(results(&["/u.d"])[2], "dependency failed: remove /env/u if it exists");
    assert_eq!(results(&["reload"])[2], "dependency failed: remove /env/u if it exists");
}

/// Begins to set a host name, then applies `steps`. Returns the calls, and the outcome of the host name.
fn with_hostname(mut machine: Fake, steps: Vec<Step>) -> (Vec<String>, Option<StepOutcome>) {
    let name = Step::SetHostname(cloud_config::plan::Hostname { name: "web".to_owned() });
    let (mut state, lines) = (ApplyState::default(), Lines::new(b""));
    let names = plan(vec![name], Vec::new()).steps;
    let early = access(&names, &mut machine, &mut state, Reporter { name: "meta-data", lines: &lines });
    assert!(early.is_empty(), "{early:?}");
    done(&plan(steps, Vec::new()), &mut machine, &mut state);
    finish_hostname(&mut machine, &mut state);
    (machine.asked, state.hostname_outcome)
}

#[test]
fn the_host_name_is_set_while_users_and_files_are_made() {
    let steps = vec![user("a"), file("/1", None, None), reload(), start("v.service")];
    let (asked, outcome) = with_hostname(Fake::default(), steps);
    let brief: Vec<_> = asked.iter().map(|asked| asked.split(" (").next().unwrap_or_default()).collect();
    assert_eq!(
        brief[..6],
        [
            "begin host name web",
            "ensure user a",
            "batch of 1",
            "write /1",
            "finish host name",
            "daemon-reload, if a unit file changed"
        ]
    );
    let outcome = outcome.unwrap();
    assert_eq!(
        (outcome.step.as_str(), &outcome.result, outcome.milliseconds),
        ("set host name web", &StepResult::Done, 7)
    );
    assert_eq!(outcome.part.as_deref(), Some("meta-data"));
}

#[test]
fn nothing_that_may_read_the_host_name_begins_before_it_is_set() {
    let hostname = file("/etc/hostname", None, None);
    for step in [hostname, enable("u.service"), reload(), start("v.service"), Step::RestartNetworkd] {
        let (asked, _) = with_hostname(Fake::default(), vec![step]);
        assert_eq!(asked[1], "finish host name", "{asked:?}");
    }
    // Without such a step, the end of the run waits for it.
    let (asked, _) = with_hostname(Fake::default(), vec![user("a")]);
    assert_eq!(asked.last().map(String::as_str), Some("finish host name"));
}

#[test]
fn a_host_name_that_fails_or_panics_late_is_a_failure_of_its_step_alone() {
    for machine in [
        Fake { broken: vec!["finish host name"], ..Fake::default() },
        Fake { panics: vec!["finish host name"], ..Fake::default() },
    ] {
        let (asked, outcome) = with_hostname(machine, vec![user("a"), start("v.service")]);
        assert!(outcome.is_some_and(|outcome| outcome.result.is_failure()));
        assert_eq!(asked.last().map(String::as_str), Some("start v.service"));
    }
}
