//! The `pop3-server` program.

mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
