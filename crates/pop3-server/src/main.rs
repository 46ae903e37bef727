//! The `pop3-server` program.

mod ownership;
mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
