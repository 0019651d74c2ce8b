// SPDX-License-Identifier: GPL-2.0-or-later
// The command line. CLI11 is compiled here and nowhere else.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>

#include <CLI/CLI.hpp>

#include <ptelab/loader.hpp>

#include "commands.hpp"
#include "runner.hpp"
#include "verify.hpp"

namespace ptelab::cli {
namespace {

struct Arguments {
	bool json = false;
	std::string node;
	SceneOptions scene;
	std::string cache;
	std::string backing;
	std::string steps;
	std::string pages = "0-3";
	bool write = false;
	bool special = false;
	std::vector<std::string> load;
	bool markdown = false;
	VerifyOptions verify;
	std::string what;
	std::vector<std::string> results;
	std::string output = "report.html";
};

void print(const std::string &text, std::FILE *to)
{
	std::fwrite(text.data(), 1, text.size(), to);
}

void add_node(CLI::App &command, Arguments &arguments)
{
	command.add_option("NODE", arguments.node, "insert_page, fault_insert_page, fault_page, fault_insert_pfn, remap_pfn or iomap")
		->required();
}

void add_scene(CLI::App &command, Arguments &arguments)
{
	SceneOptions &scene = arguments.scene;

	add_node(command, arguments);
	command.add_option("--bytes", scene.bytes, "size of the mapping, a multiple of the page size (16 pages); 64K, 1M are fine")
		->transform(CLI::AsSizeValue(false));
	command.add_option("--offset", scene.offset, "where in the region it begins (0)")->transform(CLI::AsSizeValue(false));
	command.add_flag("--private", scene.private_copy, "MAP_PRIVATE: writes go to a copy");
	command.add_flag("--read-only", scene.read_only, "open and map for reading only");
	command.add_flag("--populate", scene.populate, "MAP_POPULATE: fault the pages in at once");
	command.add_option("--cache", arguments.cache, "memory type: write-back, uncached, write-combining (the last two on iomap)")
		->check(CLI::IsMember({"write-back", "uncached", "write-combining"}));
	command.add_option("--backing", arguments.backing, "a fresh region of its own: single, compound, split or vmalloc pages")
		->check(CLI::IsMember({"single", "compound", "split", "vmalloc", "device"}));
}

void add_pages(CLI::App &command, Arguments &arguments)
{
	command.add_option("--pages", arguments.pages, "which pages of the mapping: 5, or 0-3 (the default)");
}

using Action = std::function<Report()>;
using Options = std::function<void(CLI::App &)>;

struct CommandLine {
	CLI::App app{"Driver mappings on a live kernel: make them, touch them, take them away, look at their page tables.", "ptelab"};
	Arguments arguments;
	Terminal terminal = Terminal::here();
	Action action;
	std::span<char *const> words;

	CommandLine(int argc, char **argv) : words(argv, static_cast<std::size_t>(argc))
	{
		app.require_subcommand(1);
		app.fallthrough();
		app.add_flag("--json", arguments.json, "print one JSON document in place of text");
		app.set_version_flag("--version", std::string("ptelab ") + kVersion);
		app.footer("Start with \"ptelab info\", then \"ptelab demo\", then \"ptelab map fault_page\".\n"
			   "\"ptelab COMMAND --help\" shows examples.\n"
			   "Exit status: 0 ok, 1 failed, 2 wrong usage, 77 nothing to run on (no module, no such node here).");
		add_looking();
		add_mapping();
		add_rules();
		add_tables();
		add_comparing();
		add_module();
	}

	// The options of a command are made when the command line names it: to make all takes longer than most commands.
	void add(const char *name, const char *what, const char *examples, Action run, const Options &options = nullptr)
	{
		CLI::App &command = *app.add_subcommand(name, what);
		if (std::ranges::find(words, std::string_view(name)) == words.end())
			return;
		command.footer(std::string("Examples:\n") + examples);
		command.callback([this, run] { action = run; });
		if (options)
			options(command);
	}

	void add_looking()
	{
		add("info", "What is there: the nodes, what each does, and what this kernel has",
		    "  ptelab info\n  ptelab info --json | jq '.features'", [this] { return info(terminal); });
		add("stats", "Counters of the module since it was loaded", "  ptelab stats\n  ptelab stats --json | jq .faults",
		    [this] { return stats(terminal); });
		add("demo", "Every node in turn: how it maps, what an access costs, what a zap and a revocation do",
		    "  ptelab demo\n  ptelab demo --json", [this] { return demo(terminal); });
	}

	void add_mapping()
	{
		Arguments &given = arguments;

		add("map", "Map a node, do steps to the mapping, and draw its page table after each",
		    "  ptelab map fault_page\n"
		    "  ptelab map remap_pfn --steps zap=0-3,touch=0\n"
		    "  ptelab map fault_page --private --steps touch=0-7,write=2-3\n"
		    "  ptelab map iomap --cache write-combining --steps write=4\n"
		    "\nSteps: touch=PAGES reads, write=PAGES writes, zap=PAGES removes page table entries with the call that\n"
		    "fits the node, zap-special=PAGES with zap_vma_ptes (or zap_special_vma_range), unmap=PAGES with\n"
		    "unmap_mapping_range, revoke, restore. Without --steps, a series that shows most of this.",
		    [this, &given] { return map(given.node, given.scene, given.steps, terminal); },
		    [&given](CLI::App &command) {
			    add_scene(command, given);
			    command.add_option("--steps", given.steps, "what to do, e.g. touch=0,write=3,zap=0-3,revoke,touch=0,restore");
		    });
		add("touch", "Map a node and access some of its pages: value, or signal",
		    "  ptelab touch fault_insert_pfn --pages 0-7\n  ptelab touch remap_pfn --read-only --write    (SIGSEGV)",
		    [this, &given] { return touch(given.node, given.scene, given.pages, given.write, terminal); },
		    [&given](CLI::App &command) {
			    add_scene(command, given);
			    add_pages(command, given);
			    command.add_flag("--write", given.write, "write to each page (default: read)");
		    });
		add("zap", "Map a node, touch pages, remove their page table entries, touch them again",
		    "  ptelab zap fault_page --pages 0-3\n"
		    "  ptelab zap fault_insert_page --special    (before Linux 7.2 the kernel ignores this one)",
		    [this, &given] { return zap(given.node, given.scene, given.pages, given.special, terminal); },
		    [&given](CLI::App &command) {
			    add_scene(command, given);
			    add_pages(command, given);
			    command.add_flag("--special", given.special, "with zap_vma_ptes or zap_special_vma_range, whatever the node");
		    });
		add("lookup", "Map a node, touch pages, and list what the page table holds for them",
		    "  ptelab lookup fault_page --pages 0-3\n  ptelab lookup iomap --cache write-combining --json",
		    [this, &given] { return lookup(given.node, given.scene, given.pages, terminal); },
		    [&given](CLI::App &command) {
			    add_scene(command, given);
			    add_pages(command, given);
		    });
	}

	void add_rules()
	{
		Arguments &given = arguments;
		const auto globs = [&given](CLI::App &command) {
			command.add_option("GLOB", given.verify.globs, "names or contract ids: 'remap_pfn.*', zap_special, 'IP-*' (all)");
		};

		add("rules", "List the rules: what the kernel does, where its source decides it, what it takes to see it",
		    "  ptelab rules\n  ptelab rules 'ZP-*'\n  ptelab rules --json | jq -r '.[].id'",
		    [this, &given] { return rules(given.verify.globs, terminal); }, globs);
		add("verify", "Run the rules on this kernel",
		    "  ptelab verify\n  ptelab verify 'remap_pfn.*' --repeat 20 --shuffle 1\n  ptelab verify --ktap\n"
		    "\nExit status: 0 all that ran hold, 1 one does not, 77 none could run.",
		    [&given] {
			    given.verify.json = given.json;
			    return verify(given.verify);
		    },
		    [&given, globs](CLI::App &command) {
			    VerifyOptions &verify = given.verify;
			    globs(command);
			    command.add_option("--repeat", verify.repeat, "so many times (1)")->check(CLI::Range(1U, 1'000'000U));
			    command.add_option("--shuffle", verify.shuffle, "in an order that this number decides");
			    command.add_flag("--fail-fast", verify.fail_fast, "end with the first expectation that is not met");
			    command.add_flag("--ktap", verify.ktap, "report as KTAP version 1");
		    });
		add("explain", "Explain a rule, or a call of the kernel: what is so, why, what this kernel does, what to use instead",
		    "  ptelab explain remap_pfn.zap_special\n  ptelab explain zap_vma_ptes\n"
		    "  ptelab explain fault_page.access_after_zap --results build/results/*.json",
		    [this, &given] { return explain_what(given.what, given.results, terminal); },
		    [&given](CLI::App &command) {
			    command.add_option("WHAT", given.what, "a rule's name or contract id, or a call's name, old or new")->required();
			    command.add_option("--results", given.results,
					       "what these files or folders say; without, build/results if there is one, and this kernel "
					       "if it has the module");
		    });
	}

	void add_tables()
	{
		Arguments &given = arguments;
		const auto markdown = [&given](CLI::App &command) { command.add_flag("--markdown", given.markdown, "print a Markdown table"); };

		add("gup", "Who may pin what: each node against each way in which the kernel gets at a page",
		    "  ptelab gup\n  ptelab gup --json | jq '.nodes.remap_pfn'", [this, &given] { return gup(given.markdown, terminal); },
		    markdown);
		add("kinds", "What user space is told: each node against /proc, mincore, core dumps, madvise, mlock, mremap, fork",
		    "  ptelab kinds\n  COLUMNS=200 ptelab kinds\n\nFor the core dump of a process of its own it changes kernel.core_pattern "
		    "for a moment.",
		    [this, &given] { return kinds(given.markdown, terminal); }, markdown);
	}

	void add_comparing()
	{
		Arguments &given = arguments;
		const auto results = [&given](CLI::App &command) {
			command.add_option("RESULTS", given.results, "files that scripts/run-cell wrote, or folders of them")->required();
		};

		add("compare", "What differs between kernels, and why; what no rule expected comes first",
		    "  ptelab compare build/results/debian-6.1.json build/results/debug-6.12.json\n"
		    "  ptelab compare build/results --markdown > differences.md\n"
		    "\nExit status, as diff: 0 nothing differs, 1 something does, 2 wrong usage.",
		    [this, &given] { return compare(given.results, given.markdown, terminal); },
		    [&given, results](CLI::App &command) {
			    results(command);
			    command.add_flag("--markdown", given.markdown, "print Markdown");
		    });
		add("report", "One page for a browser: rules by kernels, what may be pinned, what to mind when porting",
		    "  ptelab report build/results -o report.html", [&given] { return report(given.results, given.output); },
		    [&given, results](CLI::App &command) {
			    results(command);
			    command.add_option("-o,--output", given.output, "where to write it (report.html)");
		    });
	}

	void add_module()
	{
		Arguments &given = arguments;

		add("load", "Load the module, and say what to do if the kernel refuses", "  ptelab load\n  ptelab load build/ptelab.ko pages=4096",
		    [&given] {
			    std::string what = "ptelab";
			    std::vector<std::string> parameters = given.load;
			    if (!parameters.empty() && parameters.front().find('=') == std::string::npos) {
				    what = parameters.front();
				    parameters.erase(parameters.begin());
			    }
			    return load(what, parameters);
		    },
		    [&given](CLI::App &command) {
			    command.add_option("WHAT", given.load, "[PATH|NAME] [PARAMETER=VALUE…]; the name is ptelab if none is given");
		    });
		add("unload", "Unload the module", "  ptelab unload", [] { return unload(); });
	}
};

int fail(const Arguments &arguments, int status, const std::string &message, int error = 0)
{
	if (arguments.json)
		print(Value(Value::Object{{"error", message}, {"errno", error ? Value(Errno(error)) : Value()}}).json(2) + "\n", stdout);
	print("ptelab: " + message + "\n", stderr);
	return status;
}

// One sentence with the cure for an errno that a command met.
std::string explain(const std::system_error &error)
{
	const int number = error.code().value();
	const std::string what = std::string(error.what()).substr(0, std::string(error.what()).rfind(": "));

	switch (number) {
	case EACCES:
	case EPERM:
		return what + " is not permitted: the nodes belong to root (mode 0600), run this as root";
	case EINVAL:
		return what + " was refused as invalid (EINVAL): the node does not do that; \"ptelab info\" tells what each does";
	case EOPNOTSUPP:
		return what + " is not something that this node or this kernel can do (EOPNOTSUPP): \"ptelab info\" tells what they can";
	case EBUSY:
		return what + " failed because it is in use (EBUSY): end the other programs that have it open";
	case ENOMEM:
		return what + " failed for lack of memory (ENOMEM): ask for fewer bytes";
	default:
		return what + " failed (" + errno_name(number) + ")";
	}
}

int run(int argc, char **argv)
{
	CommandLine line(argc, argv);

	try {
		line.app.parse(argc, argv);
		line.arguments.scene.cache = cache_of(line.arguments.cache);
		line.arguments.scene.backing = backing_of(line.arguments.backing);
	} catch (const CLI::ParseError &error) {
		return line.app.exit(error) == 0 ? kOk : kUsage;
	}
	try {
		const Report report = line.action();
		print(line.arguments.json ? report.json.json(2) + "\n" : report.text, stdout);
		return report.status;
	} catch (const UsageError &error) {
		return fail(line.arguments, kUsage, error.what());
	} catch (const NothingToRunOn &error) {
		return fail(line.arguments, kNothingToRunOn, error.what());
	} catch (const LoadError &error) {
		return fail(line.arguments, kFailed, error.what(), error.error());
	} catch (const std::system_error &error) {
		return fail(line.arguments, kFailed, explain(error), error.code().value());
	} catch (const std::exception &error) {
		return fail(line.arguments, kFailed, error.what());
	}
}

} // namespace
} // namespace ptelab::cli

int main(int argc, char **argv)
{
	if (argc > 0 && std::string_view(basename(argv[0])) == "ptelab-tests")
		return ptelab::tests_main(argc, argv);
	return ptelab::cli::run(argc, argv);
}
