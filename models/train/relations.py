# ruff: noqa: E501 - tables, one entry a line
# fmt: off
"""The relations of the fictional world: how documents state them and how people ask for them.

``{s}`` is the subject in a document (its name or a pronoun), ``{o}`` the object, ``{x}`` the inside of a question.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.train.grammar import split_patterns


@dataclass(frozen=True, slots=True)
class Relation:
    """One kind of fact. ``label`` is what a plan and a finding call it."""

    name: str
    subject: str
    object: str
    """An entity type, or an attribute (``year``, ``number``, ``word:...``)."""
    label: str
    tells: tuple[str, ...]
    nouns: tuple[str, ...]
    asks: tuple[str, ...]
    back: tuple[str, ...] = ()
    """Noun phrases for the subject by its object (``the book that {x} wrote``), for reverse questions."""


def rel(name: str, types: str, label: str, tells: str, nouns: str, asks: str, back: str = "") -> Relation:  # noqa: PLR0913, PLR0917
    """A relation from its tables; ``types`` is ``subject > object``."""
    subject, _, target = types.partition(" > ")
    return Relation(name, subject, target, label, split_patterns(tells), split_patterns(nouns), split_patterns(asks), split_patterns(back))


RELATIONS: tuple[Relation, ...] = (
    rel("birthplace", "person > town", "home town", "{s} was born in {o}; {s} comes from {o}; {s} grew up in {o}; The home town of {s} is {o}; {s} is a native of {o}",
        "the [town|place] where {x} was born; the [birthplace|home town] of {x}; the town [that |]{x} comes from; {x}'s [birthplace|home town|hometown]; the town {x} grew up in",
        "where was {x} born; where does {x} come from; [in which|in what] town was {x} born; what town is {x} from; where did {x} grow up; which [town|place] does {x} come from"),
    rel("spouse", "person > person", "spouse", "{s} married {o}; {s} is married to {o}; The spouse of {s} is {o}; {s} shares a house with a spouse, {o}",
        "the [person|one] [who is |]married to {x}; the [spouse|partner|husband or wife] of {x}; {x}'s [spouse|partner]", "who [is {x} married to|did {x} marry|is the spouse of {x}|is married to {x}]; whom did {x} marry"),
    rel("teacher", "person > person", "teacher", "{s} learned the trade from {o}; {s} was taught by {o}; The teacher of {s} was {o}; {s} was a pupil of {o}",
        "the teacher of {x}; {x}'s [teacher|mentor]; the [person|one] who taught {x}; the person {x} learned from", "who [taught|trained] {x}; from whom did {x} learn; who was [{x}'s teacher|the teacher of {x}]; [whose pupil was {x}|who did {x} learn from]"),
    rel("school", "person > school", "school", "{s} studied at {o}; {s} went to school at {o}; {s} was educated at {o}; {s} is a graduate of {o}",
        "the school [that |]{x} [attended|went to]; the school where {x} studied; {x}'s [school|old school]", "where did {x} [study|go to school]; which school did {x} [attend|go to|visit]; at which school did {x} study; where was {x} educated"),
    rel("guild", "person > guild", "guild", "{s} belongs to {o}; {s} is a member of {o}; {s} joined {o}; The guild of {s} is {o}",
        "the guild [that |]{x} [belongs to|joined|is a member of]; {x}'s guild; the guild of {x}", "[which|what] guild does {x} belong to; which guild did {x} join; of which guild is {x} a member; what is {x}'s guild"),
    rel("employer", "person > company", "employer", "{s} works for {o}; {s} is employed by {o}; {s} has a post at {o}; The employer of {s} is {o}",
        "the [company|firm] [that |]{x} works for; {x}'s [employer|company]; the employer of {x}; the [company|firm] that employs {x}", "[who|which company] does {x} work for; where does {x} work; who employs {x}; who is {x}'s employer; which firm employs {x}"),
    rel("born", "person > year", "birth year", "{s} was born in {o}; The year of {s}'s birth is {o}; {s} came into the world in {o}",
        "the year [in which |]{x} was born; the birth year of {x}; {x}'s [birth year|year of birth]", "when was {x} born; in [what|which] year was {x} born; [what|which] year was {x} born"),
    rel("instrument", "person > word:instrument", "instrument", "{s} plays the {o}; The instrument of {s} is the {o}; {s} is known to play the {o}",
        "the instrument [that |]{x} plays; {x}'s instrument", "[what|which] instrument does {x} play; what does {x} play"),
    rel("pet", "person > word:animal", "pet", "{s} keeps a {o}; {s} has a pet {o}; The pet of {s} is a {o}", "the [pet|animal] [that |]{x} keeps; {x}'s pet; the pet of {x}", "[what|which] [pet|animal] does {x} [keep|have]; what kind of pet does {x} have"),
    rel("river", "town > river", "river", "{s} lies on the {o}; {s} stands on the banks of the {o}; The river {o} runs through {s}; {s} was built beside the {o}",
        "the river [that runs |that flows |][through|past|by] {x}; the river of {x}; the river [on which|where] {x} [lies|stands]; the river next to {x}", "[on which|on what] river does {x} [lie|stand]; which river [flows|runs] [through|past|by] {x}; what river is {x} on"),
    rel("mayor", "town > person", "mayor", "The mayor of {s} is {o}; {s} is governed by its mayor, {o}; {o} serves as mayor of {s}; {s} elected {o} as mayor",
        "the mayor of {x}; {x}'s mayor; the [person|one] who [governs|runs|is mayor of] {x}; the head of the town {x}", "who is [the |]mayor of {x}; who [governs|runs|leads] {x}; who is {x}'s mayor; [which person|who] serves as mayor [of|in] {x}", "the town [whose mayor is {x}|governed by {x}|that {x} governs]; the town where {x} is mayor"),
    rel("festival", "town > festival", "festival", "{s} hosts {o}; {s} celebrates {o}; Every year {s} holds {o}; People come to {s} for {o}",
        "the festival [that is |]held in {x}; the festival of {x}; the festival [that |]{x} [hosts|celebrates]; {x}'s festival", "[which|what] festival [is held in {x}|does {x} host|does {x} celebrate|takes place in {x}]"),
    rel("tfounded", "town > year", "founding year", "{s} was founded in {o}; The founding of {s} dates from {o}; {s} has stood since {o}", "the year [in which |]{x} was founded; the founding year of {x}; the year of {x}'s founding", "when was {x} founded; in [what|which] year was {x} founded; since when does {x} exist; how old is {x}, by founding year"),
    rel("mountain", "town > mountain", "mountain", "{s} lies below {o}; Above {s} rises {o}; {s} looks up to {o}; The mountain near {s} is {o}",
        "the mountain [near|above|close to|by] {x}; the mountain that rises above {x}; the mountain {x} lies below; {x}'s mountain", "[which|what] mountain [rises above|is near|stands above|is close to] {x}; below which mountain does {x} lie"),
    rel("lake", "river > lake", "lake", "{s} flows into {o}; {s} ends in {o}; {s} empties into {o}; The waters of {s} reach {o}",
        "the lake [that |]{x} [flows|empties|runs] into; the lake {x} ends in; the lake fed by {x}", "[into which|into what] lake does {x} [flow|run|empty]; which lake does {x} [flow into|feed|end in]; where does {x} [end|flow to]"),
    rel("source", "river > mountain", "source", "{s} rises on {o}; {s} springs from {o}; The source of {s} is on {o}; {s} begins high on {o}",
        "the mountain [where|on which] {x} [rises|begins|springs]; the [mountain at the |]source of {x}", "where does {x} [rise|begin|spring|start]; on which mountain does {x} [rise|begin]; what is the source of {x}"),
    rel("length", "river > number", "length", "{s} is {o} miles long; The length of {s} is {o} miles; {s} runs for {o} miles", "the length of {x}; the number of miles {x} runs; {x}'s length", "how long is {x}; how many miles [long is {x}|does {x} run]; what is the length of {x}"),
    rel("bridge", "river > bridge", "bridge", "{o} crosses {s}; {s} is crossed by {o}; Travellers cross {s} by {o}", "the bridge [over|across] {x}; the bridge that [crosses|spans] {x}", "which bridge [crosses|spans] {x}; what is the bridge [over|across] {x}; how do people cross {x}, by which bridge"),
    rel("builder", "bridge > person", "builder", "{s} was built by {o}; {o} built {s}; {s} is the work of the builder {o}", "the [builder|architect] of {x}; the [person|one] who built {x}; {x}'s builder", "who built {x}; by whom was {x} built; who is the builder of {x}; who [designed|made] {x}", "the bridge [that |]{x} built; the bridge built by {x}"),
    rel("arches", "bridge > number", "arches", "{s} has {o} arches; {s} rests on {o} arches; One counts {o} arches on {s}", "the number of arches of {x}; how many arches {x} has", "how many arches does {x} have; what is the number of arches of {x}; on how many arches does {x} rest"),
    rel("climber", "mountain > person", "first climber", "{s} was first climbed by {o}; {o} was the first to climb {s}; The first climber of {s} was {o}", "the first [person|one] [to climb|who climbed] {x}; the first climber of {x}; the [person|one] who first climbed {x}", "who [first climbed|was the first to climb|climbed] {x}; who was first on top of {x}; who conquered {x} first", "the mountain [that |]{x} [first climbed|was first to climb|climbed first]"),
    rel("height", "mountain > number", "height", "{s} is {o} metres high; The height of {s} is {o} metres; {s} rises to {o} metres", "the height of {x}; {x}'s height; how high {x} is", "how [high|tall] is {x}; what is the height of {x}; how many metres high is {x}"),
    rel("island", "lake > island", "island", "{s} holds the island {o}; In {s} lies the island {o}; The island in {s} is {o}", "the island in {x}; the island that lies in {x}; {x}'s island", "[which|what] island [is|lies] in {x}; what is the island in {x} called; what is the name of the island in {x}"),
    rel("depth", "lake > number", "depth", "{s} is {o} metres deep; The depth of {s} is {o} metres; {s} goes down to {o} metres", "the depth of {x}; how deep {x} is; {x}'s depth", "how deep is {x}; what is the depth of {x}; how many metres deep is {x}"),
    rel("keeper", "island > person", "keeper", "The keeper of {s} is {o}; {s} is looked after by {o}; {o} keeps the light on {s}", "the [keeper|lighthouse keeper] of {x}; the [person|one] who looks after {x}; {x}'s keeper", "who [keeps|looks after|is the keeper of] {x}; who is {x}'s keeper", "the island [that |]{x} [keeps|looks after]"),
    rel("founder", "company > person", "founder", "{s} was founded by {o}; {o} founded {s}; The founder of {s} is {o}; {s} was started by {o}", "the founder of {x}; the [person|one] who [founded|started|set up] {x}; {x}'s founder", "who [founded|started|set up] {x}; by whom was {x} founded; who is the founder of {x}; who is {x}'s founder", "the company [that |]{x} [founded|started|set up]; {x}'s own company; the [company|firm] founded by {x}"),
    rel("seat", "company > town", "seat", "{s} has its seat in {o}; {s} is based in {o}; The head office of {s} is in {o}; {s} has its headquarters in {o}", "the town where {x} [is based|has its seat|has its head office]; the [seat|headquarters|home] of {x}; the town {x} is based in", "where is {x} based; in which town [is {x} based|does {x} have its seat]; where [does {x} have|are] its headquarters, for {x}; where is the head office of {x}"),
    rel("product", "company > word:product", "product", "{s} makes {o}; {s} sells {o}; The trade of {s} is {o}; {s} is known for its {o}", "the [goods|product|thing] [that |]{x} [makes|sells|produces]; {x}'s product; what {x} makes", "what does {x} [make|sell|produce]; which [goods|product] does {x} [make|sell]; what is {x} known for"),
    rel("author", "book > person", "author", "{s} was written by {o}; {o} wrote {s}; The author of {s} is {o}; {s} is a book by {o}", "the [author|writer] of {x}; the [person|one] who wrote {x}; {x}'s author", "who wrote {x}; who is the [author|writer] of {x}; by whom was {x} written; whose book is {x}", "the book [that |]{x} wrote; the book [written |]by {x}; {x}'s book"),
    rel("setting", "book > town", "setting", "{s} is set in {o}; The story of {s} takes place in {o}; {s} tells of life in {o}", "the town [in which|where] {x} [is set|takes place|plays]; the setting of {x}", "where [is {x} set|does {x} take place|does {x} play]; in which town is {x} set; what is the setting of {x}"),
    rel("published", "book > year", "year of publication", "{s} was published in {o}; {s} came out in {o}; {s} appeared in {o}", "the year [in which |]{x} [was published|came out|appeared]", "when [was {x} published|did {x} come out|did {x} appear]; in which year was {x} published; what year did {x} come out"),
    rel("schooltown", "school > town", "town", "{s} stands in {o}; {s} is found in {o}; {s} is a school in {o}", "the town [where|in which] {x} [stands|is|is located]; the town of {x}; the location of {x}", "where is {x}; in which town is {x}; where is {x} located; what town is {x} in"),
    rel("head", "school > person", "head", "The head of {s} is {o}; {s} is led by {o}; {o} runs {s}; {o} is in charge of {s}", "the head of {x}; the [headmaster|principal|director] of {x}; the [person|one] who [runs|leads] {x}; {x}'s [head|principal]", "who [runs|leads|is the head of|is in charge of|heads] {x}; who is the principal of {x}", "the school [that |]{x} [runs|leads]; the school led by {x}"),
    rel("master", "guild > person", "master", "The master of {s} is {o}; {s} is led by {o}; {o} is master of {s}; {o} presides over {s}", "the [master|leader|head] of {x}; the [person|one] who [leads|heads|presides over] {x}; {x}'s [master|leader]", "who [leads|heads|is the master of|presides over] {x}; who is {x}'s [master|leader]", "the guild [that |]{x} [leads|heads]; the guild led by {x}"),
    rel("inn", "guild > inn", "meeting place", "{s} meets at {o}; The members of {s} gather at {o}; {s} holds its meetings in {o}", "the inn where {x} [meets|gathers]; the [meeting place|inn] of {x}; the place where {x} meets", "where does {x} [meet|gather]; [at|in] which inn does {x} meet; where are the meetings of {x}"),
    rel("symbol", "guild > word:animal", "symbol", "The symbol of {s} is a {o}; {s} has a {o} on its flag; {s} carries the sign of the {o}", "the [symbol|emblem|sign] of {x}; {x}'s [symbol|emblem]; the animal on the flag of {x}", "what is the [symbol|emblem|sign] of {x}; which animal [is on the flag|is the symbol] of {x}; [what|which] animal stands for {x}"),
    rel("captain", "ship > person", "captain", "The captain of {s} is {o}; {s} sails under {o}; {o} commands {s}; {s} is commanded by {o}", "the captain of {x}; the [person|one] who [commands|sails|captains] {x}; {x}'s captain", "who [commands|is the captain of|sails|captains] {x}; under whom does {x} sail; who is {x}'s captain", "the ship [that |]{x} [commands|sails|captains]; {x}'s ship; the ship commanded by {x}"),
    rel("port", "ship > town", "home port", "The home port of {s} is {o}; {s} was built in {o}; {s} sails from {o}", "the [home port|port] of {x}; the town [where {x} was built|{x} sails from]; {x}'s home port", "what is the home port of {x}; [from which|from what] town does {x} sail; where was {x} built; where does {x} sail from"),
    rel("owner", "ship > company", "owner", "{s} belongs to {o}; {s} is owned by {o}; The owner of {s} is {o}", "the [owner|company that owns] {x}; the [company|firm] {x} belongs to; {x}'s owner; the [owner|proprietor] of {x}", "who owns {x}; which [company|firm] owns {x}; to whom does {x} belong; what company does {x} belong to"),
    rel("month", "festival > word:month", "month", "{s} is held in {o}; {s} takes place in {o}; {s} falls in {o}", "the month of {x}; the month [when|in which] {x} [is held|takes place]", "when is {x}[ held|]; in [which|what] month is {x} held; [which|what] month does {x} take place[ in|]; what month is {x}"),
    rel("honours", "festival > person", "person honoured", "{s} honours {o}; {s} is held in memory of {o}; {s} celebrates the life of {o}", "the [person|one] [honoured by|celebrated at|remembered at] {x}; the person [that |whom |]{x} [honours|celebrates|remembers]", "whom does {x} [honour|celebrate|remember]; who is [honoured|celebrated|remembered] [by|at] {x}; in whose memory is {x} held; who does {x} honour"),
    rel("innkeeper", "inn > person", "innkeeper", "The innkeeper of {s} is {o}; {s} is kept by {o}; {o} owns {s}; {s} belongs to {o}", "the [innkeeper|landlord|owner|host] of {x}; the [person|one] who [keeps|owns|runs] {x}; {x}'s [innkeeper|landlord|owner]", "who [keeps|owns|runs] {x}; who is the [innkeeper|landlord|owner] of {x}", "the inn [that |]{x} [keeps|owns|runs]; {x}'s inn"),
    rel("dish", "inn > word:dish", "dish", "{s} serves {o}; {s} is famous for its {o}; The dish of {s} is {o}", "the dish [that |]{x} serves; the [dish|speciality|food] of {x}; {x}'s dish", "what does {x} serve; [what|which] dish does {x} serve; what [can one|do people] eat at {x}; what is {x} famous for"),
    rel("painter", "painting > person", "painter", "{s} was painted by {o}; {o} painted {s}; The painter of {s} is {o}; {s} is a picture by {o}", "the [painter|artist] of {x}; the [person|artist|one] who painted {x}; {x}'s painter", "who painted {x}; by whom was {x} painted; who is the painter of {x}; whose [picture|painting|work] is {x}", "the [painting|picture] [that |]{x} [painted|made]; the [painting|picture] by {x}; {x}'s painting"),
    rel("shows", "painting > mountain", "subject", "{s} shows {o}; {s} is a view of {o}; On {s} one sees {o}", "the mountain [shown in|seen on|on] {x}; the mountain [that |]{x} shows", "[what|which mountain] does {x} show; which mountain [is seen on|is on|can be seen on] {x}; what is seen on {x}"),
    rel("hangs", "painting > museum", "museum", "{s} hangs in {o}; {s} can be seen at {o}; {s} is kept in {o}", "the museum where {x} hangs; the museum that [holds|shows|keeps|has] {x}; {x}'s museum", "where does {x} hang; in which museum [does {x} hang|is {x}]; which museum [has|holds|shows] {x}; where can one see {x}"),
    rel("museumtown", "museum > town", "town", "{s} stands in {o}; {s} is found in {o}; {s} is a museum in {o}", "the town [where|in which] {x} [stands|is|is located]; the town of {x}; the location of {x}", "where is {x}; in which town is {x}; where is {x} located; what town is {x} in"),
    rel("director", "museum > person", "director", "The director of {s} is {o}; {s} is run by {o}; {o} directs {s}", "the [director|head] of {x}; the [person|one] who [directs|runs] {x}; {x}'s director", "who [directs|runs|is the director of|is in charge of] {x}; who is {x}'s director", "the museum [that |]{x} [directs|runs]"),
    rel("composer", "song > person", "composer", "{s} was composed by {o}; {o} wrote {s}; The composer of {s} is {o}", "the composer of {x}; the [person|one] who [composed|wrote] {x}; {x}'s composer", "who [composed|wrote] {x}; by whom was {x} composed; who is the composer of {x}; whose song is {x}", "the song [that |]{x} [composed|wrote]; the song by {x}; {x}'s song"),
    rel("about", "song > river", "river", "{s} tells of the {o}; {s} is about the {o}; {s} praises the river {o}", "the river [that |]{x} [is about|praises|tells of]; the river in {x}", "[which|what] river [is {x} about|does {x} praise|does {x} tell of]; what river is sung of in {x}"),
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "instrument": ("flute", "harp", "drum", "fiddle", "horn", "lute", "organ", "bell"),
    "animal": ("fox", "owl", "bear", "hare", "swan", "crow", "wolf", "goat", "pike", "stag"),
    "product": ("glass", "rope", "paper", "salt", "clocks", "boots", "lamps", "tiles", "honey", "cloth"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
    "dish": ("soup", "stew", "pie", "trout", "dumplings", "bread", "pancakes", "cheese"),
}
TYPES: dict[str, tuple[str, ...]] = {
    "person": ("the weaver", "the smith", "the singer", "the trader", "the sailor", "the doctor", "the baker", "the poet"), "town": ("the town",), "river": ("the river", "the"),
    "mountain": ("Mount", "the mountain"), "lake": ("Lake", "the lake"), "island": ("the island",), "bridge": ("",), "company": ("the company", "the firm", ""),
    "book": ("the book", "the novel"), "school": ("",), "guild": ("",), "inn": ("", "the"), "ship": ("the ship", "the"), "festival": ("",),
    "painting": ("the painting", "the picture"), "museum": ("",), "song": ("the song",),
}
SUFFIXES: dict[str, tuple[str, ...]] = {
    "bridge": ("Bridge",), "school": ("School", "Academy"), "guild": ("Guild",), "inn": ("Inn", "Tavern"), "festival": ("Fair", "Festival"), "museum": ("Museum",),
    "company": ("Works", "Mills"), "song": ("Song",),
}
"""Types whose names carry a second word."""
BY_SUBJECT: dict[str, tuple[Relation, ...]] = {t: tuple(r for r in RELATIONS if r.subject == t) for t in TYPES}
