//! The criterion benches.

use crate::workspace::Workspace;

/// Runs them; what is passed on goes to criterion.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<bool> {
    let status = workspace
        .cargo()
        .args(["bench", "--locked", "-p", "pop3-benches", "--"])
        .args(arguments)
        .env_remove("CARGO_TERM_COLOR")
        .status()?;
    println!("\ndocs/performance.md says what each figure means, and on which machine it was measured.");
    Ok(status.success())
}
