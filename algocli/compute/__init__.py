"""What all other rooms stand on: files, locks, blocks of arrays, threads, memory.

choices     what a setting or an argument may be
patterns    words that stand for several names
keywords    what they are called, and what was meant by another word
calls       calls that fit no parameters, told in the same words; calls that begin anew
cgroups     the limits of a container or a job
cores       how many processor cores may be used
durations   how long work may take
budget      what the machine has left, and a refusal of work that cannot fit
freed_memory  what is freed, kept for the next step of the same work
executors/  work handed to other processes
threads     work spread over this machine's threads
track       how work that takes a while tells how far it is
remarks     what many parts of a work say, in one line
command_lines  command lines as they were typed
foreign     where code of others is found, and what it prints
opening     files of others: regular ones, of a size that can be right
object_kinds  kinds of object stores, and how their addresses are written
object_server  what speaks to a server on which objects lie
s3_server   servers that speak S3
clouds      Google's and Azure's
serving     which server an address is of
s3_uploads  large objects of S3, sent part by part
anywhere    what a file and an object have in common
addresses   objects at an address, as files
lock        one writer at a time
holders     which program has locked a file
cache_places  where a cache lies: in a folder, or at an address
caches      who fills a cache, or clears it away
files       files that are whole or not there
kinds       what a record has to hold
vouching    digests of files and of records
places      folders made aside and put in their place
arrays      arrays a block at a time, and in such files
tables      rows for whoever goes on with them in pandas
abilities   what a folder's file system can do
machine     what this machine is
leftovers   what nothing refers to, and how it goes
"""
