"""One task from its words to its bill: auction, execution, commands, records, replay."""
